"""Do a peer's weights say what transformers' say? Asked before anything is timed."""

from __future__ import annotations

from collections.abc import Sequence

from skerry.benchmarks.ttft.first import Peer
from skerry.core.errors import BackendUnavailable


def check_same(right: Peer, peers: Sequence[Peer], prompts: Sequence[Sequence[int]]) -> None:
    """Each reads the prompts, which warms it up too.

    Rounding may change a first token that is in doubt, other weights change most.

    Raises:
        BackendUnavailable: a peer whose first tokens are not `right`'s for more than half of the prompts.
    """
    if not peers:
        return
    wanted = [right.first_token(prompt).token for prompt in prompts]
    for peer in peers:
        found = [peer.first_token(prompt).token for prompt in prompts]
        same = sum(a == b for a, b in zip(found, wanted, strict=True))
        if same <= len(prompts) / 2:
            raise BackendUnavailable(
                f"The peer {peer.name} {peer.version} begins {same} of {len(prompts)} answers "
                f"as {right.name} does: it does not compute the same model.",
                hint="Try another version of it, or leave --peer out.",
                details={"peer": peer.name},
            )
