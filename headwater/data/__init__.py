"""Data as systems take it: from our own tables, and from published folders of real heads."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.data.torch_dataset import TorchDataset as TorchDataset


def __getattr__(name: str) -> Any:
    # Torch takes seconds to import, and most modules here need none.
    if name == "TorchDataset":
        from headwater.data.torch_dataset import TorchDataset

        return TorchDataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
