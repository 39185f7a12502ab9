"""Where jobs run: one file an executor, each of which defines ``EXECUTOR``."""
