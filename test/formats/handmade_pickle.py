"""Pickles that are written as they should be, whether or not this Python could make the objects."""

import io
import pickle
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Name:
    """A class, function or constant: `module` and what it has there."""

    module: str
    name: str


@dataclass(frozen=True, eq=False)
class Made:
    """What a call gives, or a new object; the state that it is restored from, and its items."""

    by: Name
    arguments: tuple = ()
    is_new: bool = False
    state: object = None
    items: dict | None = None


@dataclass(frozen=True, eq=False)
class Stored:
    """A storage, and what old files say of the part of it that is meant."""

    by: Name
    key: str
    elements: int
    tail: tuple = ()


@dataclass(frozen=True)
class Python2Text:
    """A `str` of Python 2, of at most 255 bytes."""

    content: bytes


class HandmadePickler(pickle._Pickler):
    """Writes the classes above as the instructions that they stand for."""

    dispatch = pickle._Pickler.dispatch.copy()

    def persistent_id(self, value):
        if not isinstance(value, Stored):
            return None
        device = "cuda:0" if ".cuda" in value.by.module else "cpu"
        return ("storage", value.by, value.key, device, value.elements, *value.tail)

    def save_name(self, value: Name) -> None:
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    def save_made(self, value: Made) -> None:
        self.save(value.by)
        self.save(value.arguments)
        self.write(pickle.NEWOBJ if value.is_new else pickle.REDUCE)
        if value.items is not None:
            self._batch_setitems(value.items.items())
        if value.state is not None:
            self.save(value.state)
            self.write(pickle.BUILD)

    def save_text(self, value: Python2Text) -> None:
        self.write(pickle.SHORT_BINSTRING + bytes([len(value.content)]) + value.content)

    dispatch[Name] = save_name
    dispatch[Made] = save_made
    dispatch[Python2Text] = save_text


def pickled(value: object) -> bytes:
    stream = io.BytesIO()
    HandmadePickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def write_pth(path: Path, value: object, storages: dict[str, bytes]) -> None:
    """A file as torch.save writes it today."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in [
            ("data.pkl", pickled(value)),
            ("byteorder", b"little"),
            *((f"data/{key}", content) for key, content in storages.items()),
            ("version", b"3\n"),
        ]:
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)


def write_legacy_pth(path: Path, value: object, storages: dict[str, tuple[int, bytes]]) -> None:
    """A file as torch.save wrote it before PyTorch 1.6; storages are given with their elements."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"long": 4}}
    with path.open("wb") as file:
        for part in (0x1950A86A20F9469CFC6C, 1001, system, value, list(storages)):
            file.write(pickled(part))
        for elements, content in storages.values():
            file.write(elements.to_bytes(8, "little") + content)
