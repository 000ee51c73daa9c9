"""Notes when the last process of a run ended, also when agentd did not live to see it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

# It reads until nobody holds the other end of its stdin any more.
_SCRIPT = 'umask 077; cat >/dev/null; : >"$0"'


class EndWatch:
    """A process that makes the file ``mark`` once all who hold ``held`` have ended.

    ``held`` is a file descriptor that the run's processes inherit. Raises OSError.
    """

    def __init__(self, mark: Path) -> None:
        self._mark = mark
        reading, self.held = os.pipe()
        try:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, mark],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.defpath},
                start_new_session=True,  # it outlives the group of the agentd that is killed
            )
        except OSError:
            os.close(self.held)
            raise
        finally:
            os.close(reading)

    def stop(self) -> None:
        """Nobody needs it any more."""
        os.close(self.held)
        self._process.kill()
        self._process.wait()
        self._mark.unlink(missing_ok=True)

    def leave(self) -> None:
        """Let it note the end for the next command."""
        os.close(self.held)
