"""Self-checks of the chapters' exercises: one module a chapter, one function an exercise, built on ``live.check``."""
