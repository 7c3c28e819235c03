"""The model hub, through huggingface_hub, which brings the user's endpoint, token and proxy settings."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from skerry.core.models.catalogue import Entry
from skerry.core.models.sources.base import Fetched, SourceUnavailable
from skerry.core.progress import Progress

_PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.jinja", "tokenizer.model", "1_Pooling/*"]
_FIRST_ANSWER_SECONDS = 5.0


class HubSource:
    """Asks the hub for the repository first, and gives up quickly when nothing answers."""

    name = "hub"

    def __init__(self, patience: float = _FIRST_ANSWER_SECONDS) -> None:
        self.patience = patience

    def fetch(self, entry: Entry, into: Path, progress: Progress) -> Fetched:
        """See `Source.fetch`."""
        if not entry.hub:
            raise SourceUnavailable(f"The hub has no copy of {entry.name} in a safe format.")
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.errors import HfHubHTTPError

        # The HTTP library under the hub's client has changed between its versions; its error class has not.
        failures: tuple[type[Exception], ...] = (OSError, *HfHubHTTPError.__bases__)
        with progress.task(f"{entry.name} from the hub") as task:
            info = self._ask(HfApi(), entry.hub, failures)
            task.note(f"{entry.hub}@{info.sha[:12]}")
            try:
                snapshot_download(
                    entry.hub,
                    revision=info.sha,
                    local_dir=into / "snapshot",
                    allow_patterns=_PATTERNS,
                    ignore_patterns=["onnx/*", "openvino/*", "runs/*"],
                )
            except failures as error:
                raise SourceUnavailable(f"The download of {entry.hub} broke off: {_brief(error)}.") from error
        return Fetched(into / "snapshot", f"hub {entry.hub}@{info.sha}")

    def _ask(self, api: Any, repository: str, failures: tuple[type[Exception], ...]) -> Any:
        """The repository's newest commit, or `SourceUnavailable` after `patience` seconds.

        It is asked from a thread: looking up a host name cannot be given a time limit.
        """
        answer: list[Any] = []
        failure: list[BaseException] = []

        def ask() -> None:
            try:
                answer.append(api.model_info(repository, timeout=self.patience))
            except failures as error:
                failure.append(error)

        thread = threading.Thread(target=ask, name="skerry-hub-probe", daemon=True)
        thread.start()
        thread.join(self.patience)
        if answer:
            return answer[0]
        if failure:
            raise SourceUnavailable(f"{api.endpoint} cannot be asked for {repository}: {_brief(failure[0])}.")
        raise SourceUnavailable(
            f"{api.endpoint} did not answer for {repository} within {self.patience:.0f} s."
        )


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
