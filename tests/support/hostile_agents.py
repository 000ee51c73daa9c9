"""Agents that do what their step may not: shell scripts, each by what it does.

``$C`` is the change that is worked on, ``$Y`` another one, ``$BOX`` the folder around the project,
``$AGENTD`` the process id of agentd, ``$RUN`` the run's folder. A process that drops its
environment writes its id into ``$BOX/pids``. They run after the agent has written its document.
"""

from __future__ import annotations

from collections.abc import Mapping

_LATER = "/bin/sleep 2; echo later >> login.py"
_HIDDEN = f'env -i setsid /bin/sh -c "echo \\$\\$ >> $BOX/pids; {_LATER}" >/dev/null 2>&1 &'
_ONCE_SEEN = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3; done"

CODE: Mapping[str, str] = {
    "edits code": "echo b >> login.py",
    "writes new code": "echo b > new.py",
    "writes new code in a new folder": "mkdir -p lib/deep; echo b > lib/deep/new.py",
    "deletes code": "rm login.py",
    "deletes a folder": "rm -r src",
    "makes code executable": "chmod +x login.py",
    "puts a link in place of code": "ln -sf /etc/passwd login.py",
    "puts a folder in place of code": "rm login.py; mkdir login.py; echo x > login.py/x",
    "puts a link in place of a folder": "mv src other; ln -s other src",
    "puts a FIFO in place of code": "rm login.py; mkfifo login.py",
    "writes a huge file": "truncate -s 1G huge.bin",
    "writes names with line ends": "touch 'new\nline'; touch './-rf'; touch \"$(printf 'a\\tb')\"",
    "writes names that are no text": "touch \"$(printf 'caf\\351')\" \"$(printf '\\033[31mred')\"",
    "keeps size and time": "touch -r login.py ../t; sed -i s/1/2/ login.py; touch -r ../t login.py",
    "ignores what it writes": "echo new.py >> .gitignore; echo b > new.py",
    "excludes what it writes": "echo new.py >> .git/info/exclude; echo b > new.py",
    "assumes it unchanged": "git update-index --assume-unchanged login.py; echo b >> login.py",
    "skips the work tree": "git update-index --skip-worktree login.py; echo b >> login.py",
    "stages what it edits": "echo b >> login.py; git add login.py",
    "writes through a hard link": "ln login.py ../l; echo b >> ../l",
    "renames code": "mv login.py renamed.py",
    "git mv": "git mv login.py renamed.py",
    "adds a submodule": "git -c protocol.file.allow=always submodule --quiet add ../origin.git sub",
    "1,000 files": "mkdir many; for i in $(seq 1000); do : > many/$i; done",
    "nested 300 deep": "d=.; for i in $(seq 300); do d=$d/d; done; mkdir -p $d; echo x > $d/x",
}
"""What a code step may do, and a reading step may not."""

PERSON: Mapping[str, str] = {
    "checkout of a person's edit": "git checkout -- notes.txt",
    "restore of all": "git restore --staged --worktree .",
    "reset --hard": "git reset -q --hard",
    "reset --hard to the commit before": "git reset -q --hard HEAD~1",
    "stash": "git stash -q",
    "stash with untracked files": "git stash -q -u",
    "stash and drop": "git stash -q; git stash drop -q",
    "clean -fdx": "git clean -fdxq",
    "clean -fd": "git clean -fdq",
    "deletes .env": "rm .env",
    "edits .env": "echo KEY=other > .env",
    "keeps time and size of .env": (
        "touch -r .env ../t; sed -i s/mine/ours/ .env; touch -r ../t .env"
    ),
    "puts a link in place of .env": "ln -sf /dev/null .env",
    "deletes an untracked draft": "rm draft.txt",
    "deletes a staged file": "git rm -qf --cached staged.txt; rm staged.txt",
    "assumes an edit unchanged, then reverts it": (
        "git update-index --assume-unchanged notes.txt; git show HEAD:notes.txt > notes.txt"
    ),
    "commits a person's edits": "git commit -qam all; git clean -fdq",
    "checks out another branch by force": "git checkout -qf keep",
}
"""A person's uncommitted edits and ignored files are lost."""

GIT: Mapping[str, str] = {
    "commits": "echo b >> login.py; git commit -qm agent login.py",
    "amends": "git commit -q --amend -m other",
    "commits without a tree": "git commit -q --allow-empty -m nothing",
    "makes a branch": "git branch mine",
    "deletes a branch": "git branch -qD keep",
    "moves a branch": "git update-ref refs/heads/keep HEAD",
    "renames the branch": "git branch -m other",
    "switches to a new branch": "git checkout -qb other",
    "detaches HEAD": "git checkout -q --detach",
    "moves HEAD back": "git reset -q --soft HEAD~1",
    "makes a tag": "git tag mine",
    "deletes a tag": "git tag -d v1",
    "moves a tag": "git tag -f v1 HEAD~1",
    "packs refs and makes one": "git branch mine; git pack-refs --all",
    "adds a remote": "git remote add mine https://example.invalid/x.git",
    "points origin elsewhere": "git remote set-url origin https://example.invalid/x.git",
    "removes origin": "git remote remove origin",
    "sets who commits": "git config user.name mallory",
    "sets core.hooksPath": "mkdir hooks; git config core.hooksPath hooks",
    "sets core.fsmonitor": "git config core.fsmonitor 'touch ../owned'",
    "sets an alias": "git config alias.status '!touch ../owned'",
    "includes a config": "echo '[user]' > .git/mine; git config include.path mine",
    "plants a hook": (
        "printf '#!/bin/sh\\n' > .git/hooks/pre-commit; chmod +x .git/hooks/pre-commit"
    ),
    "plants a hook as a link": "ln -s /bin/true .git/hooks/post-checkout",
    "plants a filter": (
        "git config filter.mine.clean 'touch ../owned; cat'; echo '* filter=mine' > .gitattributes"
    ),
    "plants a filter aside": (
        "git config filter.mine.clean 'touch ../owned; cat'; "
        "echo '*.py filter=mine' > .git/info/attributes"
    ),
    "adds a worktree": "git worktree add -q ../elsewhere keep",
    "makes a folder a repository": "git init -q src; git -C src config core.fsmonitor ./evil",
    "makes a repository inside": "git init -q inner; echo x > inner/x",
    "deletes the repository": "rm -rf .git",
    "moves the repository away": "mv .git ../git.away",
    "makes the repository anew": "rm -rf .git; git init -q; git add -A; git commit -qm first",
    "puts a file in place of the repository": "rm -rf .git; echo 'gitdir: /nowhere' > .git",
    "deletes the index": "rm .git/index",
    "breaks the index": "echo x > .git/index",
    "locks the index": "touch .git/index.lock",
    "breaks HEAD": "echo x > .git/HEAD",
    "breaks the config": "echo '[' >> .git/config",
    "sets core.worktree": "git config core.worktree ../..",
    "makes it bare": "git config core.bare true",
    "deletes the objects": "rm -rf .git/objects; mkdir .git/objects",
    "replaces an object": "git replace $(git rev-parse HEAD) $(git rev-parse HEAD~1)",
    "makes notes": "git notes add -m x",
    "borrows objects": "echo /elsewhere > .git/objects/info/alternates",
    "makes the repository unreadable": "chmod 000 .git",
}
"""Nothing that any step may do."""

SILENT: Mapping[str, str] = {
    "does nothing": ":",
    "collects garbage": "git gc -q",
    "fetches": "git fetch -q origin",
    "looks at everything": "git status >/dev/null; git log -p >/dev/null; cat login.py >/dev/null",
    "leaves a cache": "mkdir -p src/__pycache__; echo x > src/__pycache__/a.cpython-311.pyc",
}
"""What is nobody's concern."""

OWN: Mapping[str, str] = {
    "deletes STATE.yaml": "rm $C/STATE.yaml",
    "forges the phase": "sed -i.bak 's/phase: .*/phase: archived/' $C/STATE.yaml; rm $C/*.bak",
    "breaks STATE.yaml": "echo '{[' > $C/STATE.yaml",
    "empties STATE.yaml": ": > $C/STATE.yaml",
    "binary STATE.yaml": "head -c 4096 /dev/urandom > $C/STATE.yaml",
    "an alias bomb in STATE.yaml": (
        "printf 'a: &a [x,x,x,x,x,x,x,x,x]\\nb: &b [*a,*a,*a,*a,*a,*a,*a]\\n"
        "c: &c [*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c]\\n"
        "e: [*d,*d,*d,*d,*d,*d,*d]\\n' > $C/STATE.yaml"
    ),
    "a huge STATE.yaml": "truncate -s 300M $C/STATE.yaml",
    "a link in place of STATE.yaml": "mv $C/STATE.yaml ../s; ln -s ../../../../s $C/STATE.yaml",
    "a dead link in place of STATE.yaml": "ln -sf nowhere $C/STATE.yaml",
    "a FIFO in place of STATE.yaml": "rm $C/STATE.yaml; mkfifo $C/STATE.yaml",
    "FIFOs called .git": "mkfifo $C/.git agentd/.git agentd/specs/.git",
    "a folder in place of STATE.yaml": "rm $C/STATE.yaml; mkdir $C/STATE.yaml",
    "STATE.yaml for nobody": "chmod 000 $C/STATE.yaml",
    "takes out the calls": "sed -i '/^telemetry:/,$d' $C/STATE.yaml",
    "makes calls cheaper": "sed -i 's/cost_usd: .*/cost_usd: 0.0/' $C/STATE.yaml",
    "keeps size and time of STATE.yaml": (
        "touch -r $C/STATE.yaml ../t; sed -i 's/challenged/complete  /' $C/STATE.yaml; "
        "touch -r ../t $C/STATE.yaml"
    ),
    "forges another change": "sed -i 's/phase: .*/phase: archived/' $Y/STATE.yaml",
    "edits another change": "echo x >> $Y/proposal.md",
    "deletes another change": "rm -r $Y",
    "moves another change": "mv $Y agentd/changes/add-z",
    "writes a verdict for another change": (
        "printf '## Verdict\\n- [x] APPROVED\\n' > $Y/CHALLENGE.md"
    ),
    "makes a change": "mkdir agentd/changes/add-w; cp $Y/STATE.yaml agentd/changes/add-w/",
    "deletes the change": "rm -rf $C",
    "moves the change away": "mv $C ../moved",
    "renames the change": "mv $C agentd/changes/add-z",
    "a link in place of the change": "mv $C ../moved; ln -s ../../../moved $C",
    "a file in place of the change": "rm -rf $C; echo x > $C",
    "deletes all changes": "rm -rf agentd/changes",
    "a link in place of all changes": (
        "mv agentd/changes ../moved; ln -s ../../moved agentd/changes"
    ),
    "deletes agentd": "rm -rf agentd",
    "a link in place of agentd": "mv agentd ../moved; ln -s ../moved agentd",
    "edits the config": "echo '# x' >> agentd/config.toml",
    "another command in the config": "sed -i 's|^command.*|command = 1|' agentd/config.toml",
    "breaks agentd's config": "echo '[[[' > agentd/config.toml",
    "deletes the config": "rm agentd/config.toml",
    "a link in place of the config": "mv agentd/config.toml ../c; ln -s ../../c agentd/config.toml",
    "a FIFO in place of the config": "rm agentd/config.toml; mkfifo agentd/config.toml",
    "edits a spec": "echo x >> agentd/specs/other.md",
    "deletes a spec": "rm agentd/specs/other.md",
    "keeps size and time of a spec": (
        "touch -r agentd/specs/other.md ../t; sed -i s/Other/other/ agentd/specs/other.md; "
        "touch -r ../t agentd/specs/other.md"
    ),
    "adds a spec": "echo '# New' > agentd/specs/new.md",
    "a temporary file among the specs": "echo x > agentd/specs/.other.md.0123abcd.tmp",
    "a spec's temporary name": "echo x > agentd/specs/new.tmp",
    "a link in place of the specs": "mv agentd/specs ../moved; ln -s ../../moved agentd/specs",
    "a spec for nobody": "chmod 000 agentd/specs/other.md",
    "plants a template": "mkdir -p agentd/templates; echo x > agentd/templates/review.md",
    "edits the project's notes": "echo x >> agentd/project.md",
    "edits the proposal": "echo x >> $C/proposal.md",
    "deletes the proposal": "rm $C/proposal.md",
    "edits the change's specs": "echo x >> $C/specs/login.md",
    "edits the base of the specs": "echo '{}' > $C/BASE.json",
    "writes a review": "printf '## Verdict\\n- [x] APPROVED\\n' > $C/REVIEW.md",
    "plants an archived change": "mkdir -p agentd/archive; cp -r $Y agentd/archive/20260101-add-q",
    "a note in a change": "echo x > $C/note.txt",
    "a link in place of the rounds": "rm -rf $C/rounds; mkdir ../r; ln -s ../../../../r $C/rounds",
}
"""agentd's own files."""

RUNS: Mapping[str, str] = {
    "deletes all runs": "rm -rf $C/runs",
    "deletes its own run": "rm -rf $RUN",
    "deletes an earlier run": "rm -rf $EARLIER",
    "a link in place of the runs": "mv $C/runs ../moved; ln -s ../../../../moved $C/runs",
    "a file in place of the runs": "rm -rf $C/runs; echo x > $C/runs",
    "a pending call in its run": "echo '{}' > $RUN/call.pending.json",
    "a pending call in an earlier run": "cp $EARLIER/call.json $EARLIER/call.pending.json",
    "forges an earlier call": "sed -i 's/tokens_in/tokens_inn/' $EARLIER/call.json",
    "takes an earlier call's mark": "rm $EARLIER/call.json",
    "says that its call is entered": "cp $EARLIER/call.json $RUN/call.json",
    "a run that never was": "cp -r $EARLIER $C/runs/20260101T000000-challenge-01234567",
    "a run of a pending call": (
        "cp -r $EARLIER $C/runs/20260101T000000-challenge-01234567; cd $C/runs/20260101*; "
        "sed -i s/$(basename $EARLIER)/20260101T000000-challenge-01234567/ call.json; "
        "mv call.json call.pending.json"
    ),
    "forges its run.json": "echo '{}' > $RUN/run.json",
    "deletes its run.json": "rm $RUN/run.json",
    "deletes its stdout": "rm $RUN/stdout",
    "a link in place of its stdout": "ln -sf /etc/passwd $RUN/stdout",
    "a FIFO in place of its stderr": "rm $RUN/stderr; mkfifo $RUN/stderr",
    "forges its requests": "echo '{\"tokens_in\": 1}' > $RUN/requests.jsonl",
    "takes its lock": "rm -f $RUN/lock",
    "takes the hold": "rm -f $C/runs/.work",
    "plants a hold": "mkdir -p $Y/runs; echo 1 > $Y/runs/.work",
    "a FIFO in place of the hold": "rm -f $C/runs/.work; mkfifo $C/runs/.work",
    "a hold that is held": (
        "mkdir -p $Y/runs; touch $Y/runs/.work; flock $Y/runs/.work sleep 30 & sleep 0.2"
    ),
    "a merge that never was": "mkdir -p $C/runs/merge; echo '{}' > $C/runs/merge/journal.json",
    "FIFOs in place of notes": (
        "rm -f $RUN/processes; mkdir -p $C/runs/merge; "
        "mkfifo $RUN/processes $C/runs/merge/journal.json; kill -9 $AGENTD"
    ),
    "folders in place of records": (
        "rm -f $RUN/reserve; cd $RUN; mkdir reserve call.json call.pending.json call.unjudged.json"
    ),
    "a FIFO in place of the ledger's lock": "rm -f $C/runs/.lock; mkfifo $C/runs/.lock",
    "a hidden process holds the ledger's lock": (
        "(cd /; exec env -i setsid flock $OLDPWD/$C/runs/.lock sleep 15) >/dev/null 2>&1 & "
        "sleep 0.3"
    ),
    "an earlier judgement in an earlier run": (
        "echo '# forged' > $EARLIER/CHALLENGE.md.before; "
        "printf '## Verdict\\n- [x] REJECTED\\n' > $EARLIER/REVIEW.md.before"
    ),
    "plants a reservation": "mkdir -p agentd/.running; echo '{}' > agentd/.running/x.json",
    "plants notes of writes": (
        "mkdir -p agentd/.running; echo '{}' > agentd/.running/mine.writes; "
        "echo x >> $Y/proposal.md"
    ),
}
"""What agentd keeps of runs."""

PROCESSES: Mapping[str, str] = {
    "writes later": f"({_LATER}) &",
    "a daemon that writes later": f"setsid sh -c '{_LATER}' >/dev/null 2>&1 &",
    "a hidden daemon that writes later": _HIDDEN,
    "a daemon that ignores signals": f"setsid sh -c \"trap '' INT TERM HUP; {_LATER}\" &",
    "100 processes": "for i in $(seq 100); do sleep 60 & done",
    "a stopped process": "sleep 60 & kill -STOP $!",
    "kills itself": "kill -9 $$",
    "interrupts agentd": "kill -INT $AGENTD; sleep 5",
    "terminates agentd": "kill -TERM $AGENTD; sleep 5",
    "hangs agentd up": "kill -HUP $AGENTD; sleep 5",
    "stops agentd for a while": "kill -STOP $AGENTD; sleep 1; kill -CONT $AGENTD",
    "starts agentd": "$PYTHON -m agentd challenge add-x; $PYTHON -m agentd status",
    "enters calls by agentd": "$PYTHON -m agentd validate add-x --fix",
    "writes into two ledgers without end": (
        "setsid sh -c 'while :; do echo x >> $C/STATE.yaml; echo x >> $Y/STATE.yaml; sleep 0.01; "
        "done' >/dev/null 2>&1 & sleep 0.5"
    ),
    "prints an endless line": "head -c 3000000 /dev/zero | tr '\\0' x",
    "prints what is no text": "head -c 100000 /dev/urandom",
    "prints nested JSON": "printf '{\"usage\":'; head -c 100000 /dev/zero | tr '\\0' '['; echo",
}
"""What it starts, prints and signals."""

KILLS: Mapping[str, str] = {
    "kills agentd": "kill -9 $AGENTD",
    "kills agentd and edits code": "kill -9 $AGENTD; echo b >> login.py",
    "edits code and kills agentd": "echo b >> login.py; kill -9 $AGENTD",
    "kills agentd, a daemon writes later": f"setsid sh -c '{_LATER}' & kill -9 $AGENTD",
    "kills agentd, a hidden daemon writes later": f"{_HIDDEN} {_ONCE_SEEN}; kill -9 $AGENTD",
    "kills agentd and works on": "kill -9 $AGENTD; sleep 30",
    "kills agentd and itself": "kill -9 $AGENTD; kill -9 $$",
    "kills agentd and forges the phase": (
        "kill -9 $AGENTD; sed -i 's/phase: .*/phase: archived/' $C/STATE.yaml"
    ),
    "kills agentd and deletes STATE.yaml": "kill -9 $AGENTD; rm $C/STATE.yaml",
    "kills agentd and breaks STATE.yaml": "kill -9 $AGENTD; echo '{[' > $C/STATE.yaml",
    "kills agentd and moves the change": "kill -9 $AGENTD; mv $C ../moved",
    "kills agentd and deletes another change": "kill -9 $AGENTD; rm -r $Y",
    "kills agentd and edits a spec": "kill -9 $AGENTD; echo x >> agentd/specs/other.md",
    "kills agentd and edits the config": "kill -9 $AGENTD; echo '# x' >> agentd/config.toml",
    "kills agentd and deletes the runs": "kill -9 $AGENTD; rm -rf $C/runs",
    "kills agentd and deletes its run.json": "kill -9 $AGENTD; rm $RUN/run.json",
    "kills agentd and forges its run.json": "kill -9 $AGENTD; echo '{}' > $RUN/run.json",
    "kills agentd and says that its call is entered": (
        "kill -9 $AGENTD; cp $EARLIER/call.json $RUN/call.json"
    ),
    "kills agentd and forges its call": (
        "kill -9 $AGENTD; cp $EARLIER/call.json $RUN/call.pending.json"
    ),
    "kills agentd and commits": "kill -9 $AGENTD; git commit -qam agent",
    "kills agentd and deletes a branch": "kill -9 $AGENTD; git branch -qD keep",
    "kills agentd and plants a hook": (
        "kill -9 $AGENTD; printf '#!/bin/sh\\n' > .git/hooks/pre-commit; "
        "chmod +x .git/hooks/pre-commit"
    ),
    "kills agentd and deletes .env": "kill -9 $AGENTD; rm .env",
    "kills agentd and resets": "kill -9 $AGENTD; git reset -q --hard",
    "kills agentd and cleans": "kill -9 $AGENTD; git clean -fdxq",
}
"""agentd does not live to look."""

_OWNED = "printf '#!/bin/sh\\ntouch '$BOX'/owned\\n'"
FRESH: Mapping[str, str] = {
    "makes a working tree inside": "git worktree add -q inner keep",
    "splits the index": "git update-index --split-index; echo b >> login.py",
    "checks out a part": "git sparse-checkout set src",
    "ignores what it writes, for its person": (
        "mkdir -p $BOX/.config/git; echo new.py > $BOX/.config/git/ignore; echo b > new.py"
    ),
    "plants a filter for its person": (
        'git config --global filter.mine.clean "touch $BOX/owned; cat"; echo b >> login.py; '
        "git config --global core.attributesFile $BOX/attributes; "
        "echo '* filter=mine' > $BOX/attributes"
    ),
    "a filter in what its person's settings include": (
        "printf '[include]\\n path = evil\\n' >> $BOX/.gitconfig; mkdir -p $BOX/.config/git; "
        "printf '[filter \"m.i=n\"]\\n clean = touch $BOX/owned; cat\\n' > $BOX/evil; "
        "echo '* filter=m.i=n' > $BOX/.config/git/attributes; echo 'a = 2' > login.py"
    ),
    "a link in place of the hooks": (
        f"mkdir ../h; {_OWNED} > ../h/post-index-change; chmod +x ../h/*; rm -rf .git/hooks; "
        "ln -s ../../h .git/hooks"
    ),
    "hides line ends, for its person": (
        "git config --global core.autocrlf input; sed -i 's/$/\\r/' login.py"
    ),
    "believes times alone, for its person": (
        "git config --global core.checkStat minimal; git config --global core.trustctime false; "
        "touch -r login.py ../t; sed -i s/1/2/ login.py; touch -r ../t login.py"
    ),
    "a hook on agentd's own git": (
        f"git update-ref refs/heads/mine HEAD; {_OWNED} > .git/hooks/reference-transaction; "
        "chmod +x .git/hooks/reference-transaction"
    ),
    "hooks for its person": (
        f"mkdir $BOX/h; {_OWNED} > $BOX/h/reference-transaction; chmod +x $BOX/h/*; "
        "git update-ref refs/heads/mine HEAD; git config --global core.hooksPath $BOX/h"
    ),
    "signs commits with its own program": (
        "git config --global log.showSignature true; git config --global gpg.program $BOX/gpg; "
        f"{_OWNED} > $BOX/gpg; chmod +x $BOX/gpg; git stash -q"
    ),
    "a page and an external diff": (
        f"{_OWNED} > $BOX/x; chmod +x $BOX/x; echo b >> login.py; "
        "for k in core.pager diff.external core.editor credential.helper core.sshCommand "
        "core.askPass alias.status; do git config --global $k $BOX/x; done"
    ),
    "another change's STATE.yaml": "ln -sf ../add-y/STATE.yaml $C/STATE.yaml",
    "renames agentd's state folder": "mv $BOX/.local/state/agentd $BOX/.local/state/other",
    "moves the repository within": "mv .git away; echo 'gitdir: away' > .git",
    "unstages, and collects what is left": (
        "git reset -q --hard; git reflog expire --expire=now --all; git gc -q --prune=now"
    ),
    "a daemon forked twice": (
        '( ( cd /; env -i setsid /bin/sh -c "echo \\$\\$ >> $BOX/pids; sleep 2; '
        'echo later >> $BOX/project/login.py" & ) & ) >/dev/null 2>&1'
    ),
    "2,000 files in an earlier run": "for i in $(seq 2000); do echo x > $EARLIER/f$i; done",
    "makes an earlier prompt huge": "truncate -s 1G $EARLIER/prompt",
    "makes a spec huge": "truncate -s 1G agentd/specs/other.md",
}
"""What came later; settings of the person whose agents they are (``git config --global``)."""
