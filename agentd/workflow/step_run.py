"""A step that is to be run: all that those who run it are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import TYPE_CHECKING

from agentd.clock import utc_now
from agentd.frozen import frozen
from agentd.project.change import Change
from agentd.providers import maker_of
from agentd.providers.activity import Snapshot
from agentd.workflow.decide import LOOPS
from agentd.workflow.model_choice import Choice
from agentd.workflow.order import Begun, Order
from agentd.workflow.steps import Step

if TYPE_CHECKING:
    from agentd.workflow.fillback.parts import Source


@frozen(kw_only=True)
class StepRun:
    """A step of a change, run as a person ordered it.

    ``values`` fill the fields of its prompt; ``small`` takes the prompt for a small change.
    ``keeps`` are files for the folder of each of its runs, by name. ``sources`` are the files of
    code that it is about, for prompts that carry them.
    """

    change: Change
    step: Step
    order: Order = field(default_factory=Order)
    values: Mapping[str, str] = field(default_factory=dict)
    small: bool = False
    keeps: Mapping[str, bytes] = field(default_factory=dict)
    sources: Sequence[Source] = ()

    @property
    def prompt_name(self) -> str:
        """The name of its prompt."""
        return (self.step.small_prompt if self.small else None) or self.step.name

    def begun(self, choice: Choice) -> Begun:
        """The call of this step that begins now, for those who watch it."""
        prices = self.change.workspace.prices_of(choice.provider)

        def cost_so_far(seen: Snapshot) -> Decimal | None:
            if seen.usage is None:
                return None
            model = seen.model or choice.model or "unknown"
            maker = maker_of(choice.provider)
            call = prices.price(seen.usage, maker=maker, model=model, at=utc_now())
            return None if call.cost_source in ("none", "local") else call.cost_usd

        return Begun(
            step=self.step.name,
            provider=choice.provider,
            model=choice.model,
            why=choice.why,
            round=self._round(),
            spent_usd=self.change.state.totals.cost_usd,
            cost_so_far=cost_so_far,
        )

    def _round(self) -> tuple[int, int] | None:
        loop = next((loop for loop in LOOPS if self.step.name in loop.steps), None)
        if loop is None:
            return None
        most: int = getattr(self.change.workspace.config.workflow, loop.limit) + 1
        number = 1 if self.step.starts_rounds else self.change.state.iteration or 1
        return number, max(number, most)
