"""Three examples for the help of each command; nothing else loads them."""

from __future__ import annotations

EXAMPLES = {
    "": """\
agentd init
agentd run add-oauth "Let users log in with GitHub"
agentd status""",
    "init": """\
agentd init                                # for the CLIs that are installed
agentd init --provider claude              # one CLI is enough
agentd init --commands                     # drive agentd from inside a CLI""",
    "doctor": """\
agentd doctor
agentd doctor --json
agentd doctor --report > report.md         # for a bug report""",
    "demo": """\
agentd demo
agentd demo --keep DIR                     # leave its project in DIR
agentd demo --budget                       # a warning, a cheaper model""",
    "run": """\
agentd run add-oauth "Let users log in with GitHub"
agentd run add-oauth                       # go on where it stopped
agentd run add-oauth --approve plan        # pass a gate""",
    "plan": """\
agentd plan add-oauth "Let users log in with GitHub"
agentd plan add-oauth --provider claude
agentd plan fix-typo "Correct the title" --small""",
    "impl": """\
agentd impl add-oauth
agentd impl add-oauth --no-checks
agentd impl add-oauth --budget-override    # beyond the budget, marked so""",
    "archive": """\
agentd archive add-oauth
agentd archive add-oauth --resolve         # let a model settle conflicts
agentd archive add-oauth --quiet""",
    "status": """\
agentd status
agentd status add-oauth --json
agentd status --all                        # each open change""",
    "list": """\
agentd list
agentd list --all --json
agentd list --specs                        # the main specs""",
    "show": """\
agentd show
agentd show add-oauth --json
agentd show add-oauth --diff               # against the main specs""",
    "report": """\
agentd report --html report.html           # all changes
agentd report add-oauth --html /tmp/add-oauth.html
agentd -C project report --html report.html""",
    "dashboard": """\
agentd dashboard --open
agentd dashboard --state agents.db         # agents of your own program, too
agentd dashboard --host 192.168.1.20       # for others, with a token""",
    "delete": """\
agentd delete add-oauth
agentd delete add-oauth --yes              # without asking
agentd -C project delete add-oauth""",
    "log": """\
agentd log
agentd log add-oauth --requests            # each API request
agentd log add-oauth --json""",
    "feedback": """\
agentd feedback add-oauth "Use the session table we have"
agentd feedback add-oauth "Keep the old login for a release"
agentd -C project feedback add-oauth "No new dependency"\
""",
    "cost": """\
agentd cost                                # the most recent change
agentd cost --all --by month,model
agentd cost --everywhere --since 2026-11-01 --format csv""",
    "cost reset": """\
agentd cost reset add-oauth
agentd cost reset fix-typo
agentd -C project cost reset add-oauth""",
    "cost audit": """\
agentd cost audit
agentd cost audit add-oauth
agentd cost audit add-oauth --json""",
    "export": """\
agentd export --format csv > calls.csv     # the most recent change
agentd export --format focus --all --since 2026-11 -o focus.csv
agentd export --format prometheus --all -o /tmp/agentd.prom""",
    "import": """\
agentd import                              # what no ledger has
agentd import --into add-oauth --since 2026-11-01
agentd import --by-branch --dry-run""",
    "reconcile": """\
agentd reconcile
agentd reconcile add-oauth
agentd reconcile --dry-run --json""",
    "validate": """\
agentd validate                            # all ledgers
agentd validate add-oauth --fix
agentd validate --all --strict""",
    "proposal": """\
agentd proposal add-oauth "Let users log in with GitHub"
agentd proposal add-oauth "Let users log in with GitHub" --model opus
agentd proposal add-oauth "Let users log in with GitHub" --wait""",
    "challenge": """\
agentd challenge add-oauth
agentd challenge add-oauth --provider codex
agentd challenge add-oauth --verbose""",
    "reproposal": """\
agentd reproposal add-oauth
agentd reproposal add-oauth --model opus
agentd reproposal add-oauth --wait""",
    "implement": """\
agentd implement add-oauth
agentd implement add-oauth --model opus
agentd implement add-oauth --no-checks""",
    "review": """\
agentd review add-oauth
agentd review add-oauth --provider codex
agentd review add-oauth --no-checks""",
    "resolve": """\
agentd resolve add-oauth
agentd resolve add-oauth --model opus
agentd resolve add-oauth --wait""",
    "merge": """\
agentd merge add-oauth
agentd merge add-oauth --resolve           # let a model settle conflicts
agentd merge add-oauth --resolve --model opus""",
    "fillback": """\
agentd fillback describe-login --path src/login
agentd fillback describe-all
agentd fillback describe-login --path src/login --model haiku""",
    "price": """\
agentd price --model gpt-5 --tokens-in 12000 --tokens-out 800
agentd price --model claude-sonnet-4-5 --tokens-in 12000 --cached 10000
agentd price --model gpt-5 --tokens-out 500 < prompt.md""",
    "models": """\
agentd models
agentd models gpt-5
agentd models claude --at 2026-06-01 --json""",
    "tokens": """\
agentd tokens "How many tokens is this?"
agentd tokens --file prompt.md --model gpt-5 --model claude-sonnet-4-5
git diff | agentd tokens --model gpt-5 --json""",
    "pipe": """\
agentd pipe --model gpt-5 < prompts.jsonl > counted.jsonl
agentd pipe --model gpt-5 --max-cost 5.00 --summary < prompts.jsonl
agentd pipe --model-field model --field body.messages < prompts.jsonl""",
    "statusline": """\
agentd statusline                          # of the folder you are in
agentd -C project statusline
agentd -C shop statusline < told.json      # as Claude Code runs it""",
    "merge-driver": """\
agentd merge-driver base.yaml ours.yaml theirs.yaml
agentd merge-driver base.yaml ours.yaml theirs.yaml add-oauth/STATE.yaml
agentd merge-driver --marker-size 9 base.yaml ours.yaml theirs.yaml""",
    "completion": """\
agentd completion bash
agentd completion zsh
agentd completion fish > ~/.config/fish/completions/agentd.fish""",
    "help": """\
agentd help                                # the topics
agentd help budgets
agentd help run                            # as agentd run --help""",
    "config": """\
agentd config list
agentd config get budget.limit_usd
agentd config set budget.limit_usd 50""",
    "config get": """\
agentd config get budget.limit_usd
agentd config get budget                   # a whole section
agentd config get pricing.sources --json""",
    "config set": """\
agentd config set budget.limit_usd 50 budget.warn_at_percent '[50, 90]'
agentd config set pricing.sources '["config", "catalog"]'
agentd config set 'pricing.models."my-model".cost_per_1m_input' 3 \\
                  'pricing.models."my-model".cost_per_1m_output' 15""",
    "config unset": """\
agentd config unset budget.limit_usd
agentd config unset steps.review
agentd config unset gemini.models.flash.complexity""",
    "config list": """\
agentd config list
agentd config list --json
agentd -C project config list""",
}
"""By command, ``config get``; "" for agentd itself."""


def epilog(command: str) -> str | None:
    """The examples as they stand below a command's help; None where it has none, as a new step."""
    if command not in EXAMPLES:
        return None
    lines = EXAMPLES[command].split("\n")
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
