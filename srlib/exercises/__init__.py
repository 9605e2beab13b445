"""Course content: a module of self-checks a chapter, with one function an exercise, and the bugs of the museum."""
