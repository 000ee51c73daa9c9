"""Stands in for a coding CLI in tests: does what the plan says for the step in its prompt.

A plan entry, or a list of them for one round after another: ``stdout`` (file to replay), ``files``
({path: text}; ``change/`` is the change's folder), ``exit`` (code), ``sleep_s`` (before it
answers), ``shell`` (what else it does). ``../began.log`` and ``../finished.log`` count its runs.

It is started thousands of times: what it imports is built into Python, which halves its time.
"""

import marshal
import posix
import sys
import time


def read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path: str, text: str, mode: str = "w") -> None:
    with open(path, mode, encoding="utf-8") as file:
        file.write(text)


def make_folder(path: str) -> None:
    for end in [end for end, letter in enumerate(path) if letter == "/" and end]:
        try:
            posix.mkdir(path[:end])
        except FileExistsError:
            continue


prompt = sys.stdin.read()
HEADING = "# agentd: step `"
headings = [line for line in prompt.splitlines() if line.startswith(HEADING)]
assert headings, prompt[:200]
step, change_id = headings[0].removeprefix(HEADING).removesuffix("`").split("` of change `")
write("../began.log", f"{change_id} {step}\n", "a")
with open("../plan", "rb") as planned:
    plan = marshal.load(planned)[step]
rounds = None
if isinstance(plan, list):  # one answer a round; the last one for all that follow
    rounds = f"../{change_id}.{step}.rounds"
    try:
        number = len(read(rounds))
    except FileNotFoundError:
        number = 0
    plan = plan[min(number, len(plan) - 1)]
write("../argv.txt", "\n".join(sys.argv[1:]))
time.sleep(plan.get("sleep_s", 0))
if rounds is not None and not plan.get("exit"):
    write(rounds, "." * (number + 1))
for name, text in plan["files"].items():
    in_change = name.startswith("change/")
    target = f"agentd/changes/{change_id}/{name.removeprefix('change/')}" if in_change else name
    make_folder(target)
    write(target, text)
if plan.get("shell"):
    import subprocess

    subprocess.run(plan["shell"], shell=True, check=True, stdout=subprocess.DEVNULL)
if plan["stdout"]:
    sys.stdout.write(read(plan["stdout"]))
sys.stdout.flush()
if rounds is not None and not plan.get("exit"):
    write("../finished.log", f"{change_id} {step} {number}\n", "a")
sys.exit(plan.get("exit", 0))
