"""Reading the configuration: defaults, then the file, then the environment, strictly.

A mistake is a ConfigError that names the file (or variable), the dotted key, the value and what is allowed;
if there are several, the others are its notes. What may be a secret is never shown.
"""

from __future__ import annotations

import codecs
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.errors import AttributeValidationNote, ForbiddenExtraKeysError

from voxbridge.config.catalogue import fields_of, is_list_of_tables, is_named_tables, is_table, table_within
from voxbridge.config.environment import CONFIG_FILE, Given, given, place
from voxbridge.config.kinds import STAGES
from voxbridge.config.mending import Note, Unused, class_of, mend, shown_type
from voxbridge.config.original import TEXT_KEY, Elsewhere, replaced_in
from voxbridge.config.secrets import Secret, SecretReader
from voxbridge.config.settings import Settings
from voxbridge.config.stages import EMBEDDED, Option
from voxbridge.config.unknown import unknown
from voxbridge.errors import ConfigError

HERE = Path("voxbridge.toml")
SYSTEM = Path("/etc/voxbridge/voxbridge.toml")
TOKEN_CREDENTIAL = "discord-token"  # noqa: S105 - the name of a credential, not one

_FILE_BYTES_MAX = 1 << 20  # the template is 20 kB; a device or a log given by mistake must not fill the memory
_KEY_PARTS_MAX = 100
_ENV_LINE = re.compile(r"(?:export )?[A-Z][A-Z0-9_]+=", re.ASCII)
_KEY_PART = re.compile(r"""\s*["'\w-]+\s*""")

T = TypeVar("T")

_KINDS = {str: "a text in quotes", int: "a whole number", float: "a number", bool: "true or false"}


def find_file(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the configuration file to use when none was named: ./voxbridge.toml, $VOXBRIDGE_CONFIG, then /etc.

    None when there is none. A file that $VOXBRIDGE_CONFIG names is returned even if it is not there, and one that we
    may not look at as well, so that reading it says so.
    """
    if _may_be_there(HERE):
        return HERE
    if named := environ.get(CONFIG_FILE):
        return Path(named)
    return SYSTEM if _may_be_there(SYSTEM) else None


def _may_be_there(file: Path) -> bool:
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # a directory that we may not enter, a loop of links
        return True
    return True


@attrs.frozen
class Loaded:
    """The settings, the ``file`` they were read from (if any), and ``notes`` on what is not as it stands there.

    Whoever loads tells the operator.
    """

    settings: Settings
    file: Path | None = None
    notes: tuple[Note, ...] = ()


def load(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings as ``load_noting`` does, for a reader who has nobody to warn. Raises: ConfigError."""
    return load_noting(file, environ).settings


def load_noting(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Loaded:
    """Read the settings from ``file`` (else where ``find_file`` finds one, else none) and the environment.

    Raises: ConfigError.
    """
    file = file or find_file(environ)
    raw = {} if file is None else _read(file)
    reader = SecretReader(environ, file.parent if file else Path())
    overrides = given(environ)
    for key, override in overrides.items():
        _put(raw, key, override.value)
    _default_token(raw, reader)
    notes: list[Note] = [*_without_effect(raw, overrides)]
    try:
        notes += mend(raw, Settings)
        settings: Settings = _converter(reader).structure(raw, Settings)
    except Exception as error:  # noqa: BLE001 - cattrs gathers whatever our hooks and rules raised
        raise _as_config_error(error, str(file or ""), overrides) from None
    told = [attrs.evolve(note, file=_place(note.key, str(file or ""), overrides)) for note in notes]
    told += [Elsewhere(place(name), name, says) for name, says in replaced_in(environ)]
    return Loaded(settings, file, tuple(told))


def settings_in(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Note]]:
    """Return what the original's environment sets, by dotted key, and what is left out of it.

    Its workflows find the words where they looked for them. Raises: ConfigError.
    """
    loaded = load_noting(Path(os.devnull), environ)
    raw: dict[str, Any] = {}
    overrides = given(environ)
    for key, override in overrides.items():
        _put(raw, key, override.value)
    list(_without_effect(raw, overrides))  # told in the notes already; here they are taken out
    found = {f"{table}.{name}": value for table, inside in raw.items() for name, value in inside.items()}
    if found.get("agent.kind") == "n8n":
        found["agent.also_as"] = [TEXT_KEY]
    return found, list(loaded.notes)


def read_plain(file: Path, cls: type[T], name_key: Callable[[str], str] = str) -> T:
    """Read another TOML file that is made of options, as strictly; without the environment.

    ``name_key`` makes of a key what people read. Raises: ConfigError.
    """
    raw = _read(file, "is it there?")
    try:
        made: T = _converter(SecretReader({}, file.parent), cls).structure(raw, cls)
    except Exception as error:  # noqa: BLE001 - as above
        raise _as_config_error(error, str(file), {}, cls, name_key) from None
    return made


def settings_of(tables: dict[str, Any], file: str, name_key: Callable[[str], str] = str) -> Settings:
    """Make settings of tables as they stand in a file; ``name_key`` as above. Raises: ConfigError."""
    try:
        settings: Settings = _converter(SecretReader({}, Path(file).parent)).structure(tables, Settings)
    except Exception as error:  # noqa: BLE001 - as above
        raise _as_config_error(error, file, {}, name_key=name_key) from None
    return settings


# Their address opens nothing by itself; who knows a webhook's can talk to the workflow.
_KEPT_BY_A_KEY = ("ollama", "openai", "dify")


def inline_secrets(file: Path) -> list[str]:
    """Return the dotted keys under which the file itself holds a secret. Raises: ConfigError."""
    return list(_inline(_read(file), Settings, ""))


def _inline(raw: Any, cls: type, path: str) -> Iterator[str]:
    if not isinstance(raw, dict):
        return
    for field in fields_of(_class_or_base(raw, cls)):
        value, key = raw.get(field.name), path + field.name
        former = (_at(raw, name) for name in field.metadata["was"])
        if is_list_of_tables(field):
            for index, item in enumerate(value if isinstance(value, list) else ()):
                yield from _inline(item, get_args(field.type)[0], f"{key}[{index}].")
        elif is_named_tables(field):
            for name, item in value.items() if isinstance(value, dict) else ():
                yield from _inline(item, get_args(field.type)[1], f'{key}."{name}".')
        elif is_table(field):
            yield from _inline(value, field.type, f"{key}.")  # type: ignore[arg-type]
        elif (inside := table_within(field)) is not None:
            yield from _inline(value, inside, f"{key}.")
        elif field.name == "url" and raw.get("kind") in _KEPT_BY_A_KEY and isinstance(value, str) and _is_plain(value):
            continue
        elif (field.type is Secret and any(map(_is_text, (value, *former)))) or (
            field.type == dict[str, Secret] and isinstance(value, dict) and any(map(_is_text, value.values()))
        ):
            yield key


def _is_plain(url: str) -> bool:
    """Tell whether an address has no place for a password or a key."""
    return "@" not in url and "?" not in url


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _at(raw: Any, key: str) -> Any:
    for name in key.split("."):
        raw = raw.get(name) if isinstance(raw, dict) else None
    return raw


def _class_or_base(raw: Any, cls: type) -> type:
    try:
        return class_of(raw, cls)
    except ConfigError:
        return cls


def _without_effect(raw: dict[str, Any], overrides: Mapping[str, Given]) -> Iterator[Unused]:
    """Take out what the environment sets of a stage whose kind has no such option.

    These variables are the original's, and stand in compose files beside a configuration that was changed since.
    """
    bases = {stage: base for base, stage in STAGES.items()}
    for key in overrides:
        table, _, name = key.partition(".")
        settings = raw.get(table)
        if table not in bases or not isinstance(settings, dict):
            continue
        cls = _class_or_base(settings, bases[table])
        if name not in {field.name for field in fields_of(cls)}:
            del settings[name]
            yield Unused("", key, str(settings.get("kind", EMBEDDED)))


def _read(file: Path, hint: str = "`voxbridge init` writes one") -> dict[str, Any]:
    """Read a file as TOML, whatever is in it. Raises: ConfigError."""
    try:
        with file.open("rb") as source:
            data = source.read(_FILE_BYTES_MAX + 1)
    except (OSError, ValueError) as error:  # ValueError: a path that no file system takes
        said = getattr(error, "strerror", None) or "it is not a path"
        raise ConfigError(f"cannot be read ({said}); {hint}", file=str(file)) from error
    if len(data) > _FILE_BYTES_MAX:
        raise ConfigError(f"is too long: more than {_FILE_BYTES_MAX} bytes", file=str(file))
    try:
        text = data.decode("utf-8-sig")  # Windows editors write a byte order mark
        if _has_endless_key(text):
            raise ConfigError(f"has a key of more than {_KEY_PARTS_MAX} parts", file=str(file))
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        wide = " but UTF-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""
        raise ConfigError(f"is not UTF-8 text{wide}: save it as UTF-8", file=str(file)) from error
    except RecursionError:
        raise ConfigError("is not a configuration: something in it is nested too deeply", file=str(file)) from None
    except ValueError as error:  # TOMLDecodeError is one, and a number of thousands of digits is another
        if _looks_like_env(text):
            raise ConfigError(
                f"is not TOML but looks like an .env file: `voxbridge init --from {file}` makes a configuration of it",
                file=str(file),
            ) from error
        raise ConfigError(f"is not TOML: {error}", file=str(file)) from error


def _looks_like_env(text: str) -> bool:
    """Tell whether the first line that says something gives a variable."""
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return _ENV_LINE.match(first) is not None


def _has_endless_key(text: str) -> bool:
    """Tell whether a.b.c goes on for ever somewhere: tomllib takes the square of its length in time."""
    parts = 0
    for piece in text.split("."):
        parts = parts + 1 if _KEY_PART.fullmatch(piece) else 0
        if parts > _KEY_PARTS_MAX:
            return True
    return False


def _put(raw: dict[str, Any], key: str, value: Any) -> None:
    table, _, name = key.partition(".")
    inside = raw.setdefault(table, {})
    if isinstance(inside, dict):  # if not, structuring says what is wrong with it
        inside[name] = value


def _default_token(raw: dict[str, Any], reader: SecretReader) -> None:
    table = raw.get("discord", {})
    if isinstance(table, dict) and "token" not in table and (token := reader.credential(TOKEN_CREDENTIAL)):
        _put(raw, "discord.token", token.reveal())


def _converter(reader: SecretReader, root: type = Settings) -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True)
    for kind in _KINDS:
        converter.register_structure_hook(kind, _plain)

    def structure_list(raw: Any, kind: Any) -> tuple[Any, ...]:
        if not isinstance(raw, list):
            raise _no_container(raw, "a list in [brackets]")
        return tuple(_inside(converter, item, get_args(kind)[0], f"[{index}]", root) for index, item in enumerate(raw))

    def structure_table(raw: Any, kind: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise _no_container(raw, "a table of names and values")
        return {name: _inside(converter, item, get_args(kind)[1], f'."{name}"', root) for name, item in raw.items()}

    converter.register_structure_hook_func(lambda kind: _is_a(kind, tuple), structure_list)
    converter.register_structure_hook_func(lambda kind: _is_a(kind, dict), structure_table)

    @converter.register_structure_hook_factory(attrs.has)
    def section(kind: type) -> Any:
        structure: Any = cattrs.gen.make_dict_structure_fn(kind, converter)

        def structure_section(raw: Any, _: Any) -> Any:
            if not isinstance(raw, dict):
                raise _no_container(raw, "a table")
            chosen = class_of(raw, kind)  # of a backend's table the class of its kind
            return structure(raw, kind) if chosen is kind else converter.structure(raw, chosen)

        return structure_section

    def structure_option(raw: Any, _: Any) -> Option:
        if isinstance(raw, dict):
            return reader.read(raw)
        if isinstance(raw, str | int | float | bool):
            return raw
        raise _no_container(raw, "a text, a number, true or false, or a secret")

    converter.register_structure_hook(Option, structure_option)
    # last, since the newest hook wins and Secret is an attrs class as well
    converter.register_structure_hook(Secret, lambda raw, _: reader.read(raw))
    return converter


def _is_a(kind: Any, container: type) -> bool:
    return get_origin(kind) is container


def _plain(raw: Any, kind: type) -> Any:
    if kind is float and type(raw) is int:
        try:
            return float(raw)
        except OverflowError:
            raise ConfigError("is too large", value=raw, allowed=_KINDS[kind]) from None
    if type(raw) is not kind:  # not isinstance: true is no number
        raise ConfigError("is of the wrong type", value=shown_type(raw), allowed=_KINDS[kind])
    return raw


def _no_container(raw: Any, wanted: str) -> ConfigError:
    # what should have been inside may be a secret
    return ConfigError(f"is of the wrong type, {type(raw).__name__}", allowed=wanted)


def _inside(converter: cattrs.Converter, raw: Any, kind: Any, key: str, root: type) -> Any:
    try:
        return converter.structure(raw, kind)
    except ConfigError as error:
        error.key = key
        raise
    except Exception as error:  # noqa: BLE001 - cattrs's group, of a table in a list
        raise ExceptionGroup("in a list or table", list(_problems(error, key, root))) from None


def _as_config_error(
    error: Exception,
    file: str,
    overrides: Mapping[str, Given],
    root: type = Settings,
    name_key: Callable[[str], str] = str,
) -> ConfigError:
    first, *others = _problems(error, "", root)
    for problem in (first, *others):
        problem.file = _place(problem.key, file, overrides)
        problem.key = name_key(problem.key)
    for other in others:
        first.add_note(str(other))
    return first


def _place(key: str, file: str, overrides: Mapping[str, Given]) -> str:
    """Name what gave a setting: the variable that wins over the file, else the file."""
    override = overrides.get(key)
    return place(override.variable) if override else file


def _problems(error: BaseException, path: str, root: type) -> Iterator[ConfigError]:
    """Flatten cattrs's tree of errors, in the order of the settings."""
    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            path = _join(path, note.name)
    match error:
        case BaseExceptionGroup():
            for inner in error.exceptions:
                yield from _problems(inner, path, root)
        case ForbiddenExtraKeysError():
            for name in sorted(error.extra_fields):
                yield unknown(name, _join(path, name), error.cl, root, is_top=not path)
        case ConfigError():
            error.__notes__ = []
            error.key = _join(path, error.key)
            yield error
        case _:
            raise error


def _join(path: str, name: str) -> str:
    return f"{path}{name}" if not path or not name or name[0] in "[." else f"{path}.{name}"
