"""The `config_opts` dictionary: names that are aliases of each other, and values that are Jinja2 templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import jinja2
from jinja2 import nodes

from .errors import ConfigurationError

DEFAULT_PASSES = 5
_TEMPLATE_MARKS = ("{{", "{%", "{#")
_DATA = (str, int, float, list, dict, tuple, type(None))


class ConfigOptions(MutableMapping[str, Any]):
    """A dictionary whose text is rendered when it is read, with the dictionary itself as the template's variables.

    While configuration files are executed `expand` is off and they see what was written. Afterwards it is on, and
    each read renders. As mock's files rely on it, lists and dictionaries are rendered in place, so that a caller can
    change what it was given. A value is rendered until it no longer changes.
    """

    def __init__(self, aliases: Mapping[str, str], on_read: Callable[[str], None] | None = None) -> None:
        self.expand = False
        self._values: dict[str, Any] = {}
        self._aliases = aliases
        self._on_read = on_read
        self._environment = jinja2.Environment(keep_trailing_newline=True)
        self._followed: set[str] = set()
        self._followed_part = ""
        self._being_rendered: list[str] = []
        self.computes_with_followed = False

    def __getitem__(self, key: str) -> Any:
        key = self._aliases.get(key, key)
        value = self._values[key]
        if self._on_read:
            self._on_read(key)
        if self._being_rendered and self._followed:
            self.computes_with_followed = True  # Python code that a template calls may do anything with it
        if not self.expand:
            return value
        self._being_rendered.append(key)
        try:
            return self._rendered(value, f"config_opts[{key!r}]")
        finally:
            self._being_rendered.pop()

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[self._aliases.get(key, key)] = value

    def __delitem__(self, key: str) -> None:
        del self._values[self._aliases.get(key, key)]

    def __contains__(self, key: object) -> bool:
        return self._aliases.get(key, key) in self._values  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def follow(self, key: str, part: str) -> None:
        """From now on `computes_with_followed` says whether anything may be made of a part of the key's value otherwise
        than by putting it into a text as it is: then another part could give more than the same texts with that in
        them."""
        self._followed.add(key)
        self._followed_part = part
        if _shares_containers(self._values):
            self.computes_with_followed = True  # what is rendered in place under one key is read under another

    def copy(self) -> ConfigOptions:
        """A second dictionary that shares the values."""
        other = ConfigOptions(self._aliases, self._on_read)
        other.expand = self.expand
        other._values = dict(self._values)
        return other

    def _rendered(self, value: Any, where: str) -> Any:
        if isinstance(value, str):
            return self._rendered_text(value, where)
        if isinstance(value, list):
            for index, item in enumerate(value):
                rendered = self._rendered(item, f"{where}[{index}]")
                if rendered is not item:
                    value[index] = rendered
        elif isinstance(value, dict):
            for key, item in value.items():
                rendered = self._rendered(item, f"{where}[{key!r}]")
                if rendered is not item:
                    value[key] = rendered
        elif type(value) is tuple:
            return tuple(self._rendered(item, f"{where}[{index}]") for index, item in enumerate(value))
        return value

    def _rendered_text(self, text: str, where: str) -> str:
        passes = self._values.get("jinja_max_recursion", DEFAULT_PASSES)
        for _ in range(passes):
            if not any(mark in text for mark in _TEMPLATE_MARKS):
                return text
            before = text
            text, shows_followed = self._render_once(text, where)
            if text == before:
                return text
            if shows_followed and self._has_followed_in_a_template(text):
                self.computes_with_followed = True
        raise ConfigurationError(f"Config error: {where} still changes after {passes} rounds of template expansion; "
                                 "does it refer to itself?")

    def _render_once(self, text: str, where: str) -> tuple[str, bool]:
        """The text, and whether it shows what is followed."""
        if self._on_read and "mock_run_uuid" in text:
            self._on_read("mock_run_uuid")
        try:
            template = self._environment.parse(text)
            shows_followed = bool(self._followed) and self._follow_into(template)
            return self._environment.from_string(template).render(self._values), shows_followed
        except jinja2.TemplateSyntaxError as error:
            line = text.splitlines()[error.lineno - 1 : error.lineno] or [""]
            raise ConfigurationError(f"Config error: the template in {where} is wrong at its line {error.lineno} "
                                     f"({line[0].strip()!r}): {error.message}") from error
        except ConfigurationError:
            raise
        except Exception as error:  # a template can call whatever Python its values offer
            raise ConfigurationError(f"Config error: the template in {where} cannot be expanded: "
                                     f"{type(error).__name__}: {error}") from error

    def _follow_into(self, template: nodes.Template) -> bool:
        """Looks whether a template names what is followed. What it is rendered for holds that too: for good, where it
        is a list or a dictionary."""
        names = [node.name for node in template.find_all(nodes.Name)]
        of_jinja = {macro.name for macro in template.find_all(nodes.Macro)} | ({"range"} - self._values.keys())
        calls = [call.node for call in template.find_all(nodes.Call)]
        calls_python = any(not isinstance(node, nodes.Name) or node.name not in of_jinja for node in calls)
        if calls_python or any(not isinstance(self._values.get(name), _DATA) for name in names):
            self.computes_with_followed = True  # Python code may have it from elsewhere
        named = [name for name in names if name in self._followed]
        outputs = [node for output in template.body if isinstance(output, nodes.Output) for node in output.nodes]
        shown = [node.name for node in outputs if isinstance(node, nodes.Name) and node.name in self._followed]
        if len(shown) != len(named):
            self.computes_with_followed = True
        if named:
            self._followed.update(self._being_rendered)
        return bool(named)

    def _has_followed_in_a_template(self, text: str) -> bool:
        """Whether a text that is rendered once more has it as a part of what is computed."""
        try:
            tokens = list(self._environment.lex(text))
        except jinja2.TemplateSyntaxError:
            return True
        return self._followed_part in "".join("\n" if kind == "data" else value for _, kind, value in tokens)


def _shares_containers(values: dict[str, Any]) -> bool:
    """Whether a list or a dictionary is reached in more than one way."""
    seen: set[int] = set()
    waiting = list(values.values())
    while waiting:
        value = waiting.pop()
        if not isinstance(value, (list, dict, tuple)):
            continue
        if not isinstance(value, tuple):
            if id(value) in seen:
                return True
            seen.add(id(value))
        waiting.extend(value.values() if isinstance(value, dict) else value)
    return False
