"""Course content: self-checks of the exercises, a module a chapter and a function an exercise, and the museum's bugs."""
