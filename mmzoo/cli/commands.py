"""Commands made from parameters: what every recipe takes, and what one recipe takes beside it."""

from __future__ import annotations

import dataclasses
import inspect
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import typer
import typer.core

from mmzoo.data.samples.samples import Option
from mmzoo.recipes import get_recipe, list_recipes
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.options import options_of

SETTINGS = {"help_option_names": ["-h", "--help"]}
REQUIRED = inspect.Parameter.empty


@dataclasses.dataclass(frozen=True)
class Given:
    """A parameter of a command.

    Attributes:
        type: of its value.
        default: `REQUIRED`, or its value where it isn't given.
        info: `typer.Option` or `typer.Argument`.
    """

    type: Any
    default: Any
    info: Any


def option(type: Any, default: Any, help: str, *names: str, **more: Any) -> Given:
    """An option; `names` where they aren't the parameter's."""
    return Given(type, default, typer.Option(*names, help=help, **more))


def fold_parser(count: int, *, every: bool) -> Callable[[str], int | str]:
    """What reads a fold's number, or "all"; anything else is wrong usage.

    Args:
        count: number of folds.
        every: whether it may be "all".
    """

    def fold(word: str) -> int | str:
        if every and word == "all":
            return word
        if not str(word).isdigit() or not int(word) < count:
            raise typer.BadParameter(f"expected 0..{count - 1}{' or all' * every}, got {word!r}")
        return int(word)

    return fold


def common(recipe: Recipe, *, every_fold: bool = False) -> dict[str, Given]:
    """Which data: the parameters of all commands that load a recipe's data."""
    sets = "; ".join(f"{name}: {one.about}" for name, one in recipe.data.items())
    folders = "; ".join(f"{name}: {one.layout}" for name, one in recipe.data.items() if one.layout)
    folds = max((one.folds or 0 for one in recipe.data.values()), default=0)
    found = {
        "size": option(str | None, None, f"{', '.join(recipe.training)}; {recipe.default_size} without."),
        "data": option(str | None, None, f"{sets}. The first without."),
        "data_dir": option(pathlib.Path | None, None, f"Folder of the data. {folders}."),
    }
    if folds:
        every = ", or all: every one, measured together" if every_fold else ""
        found["fold"] = option(
            str | None, None, f"Which of the {folds} splits into training and validation rows{every}.",
            parser=fold_parser(folds, every=every_fold), metavar="FOLD",
        )  # fmt: skip
    return found


def own_parameters(options: Mapping[str, Option], panel: str) -> dict[str, Given]:
    """The options of a recipe as parameters."""
    found = {}
    for name, one in options.items():
        choices = f" One of {', '.join(map(str, one.choices))}." if one.choices else ""
        default = f" [default: {one.default}]" if one.default is not None else ""
        names = (f"--{name.replace('_', '-')}",) if one.type is bool and not one.default else ()
        found[name] = option(one.type | None, None, f"{one.help}{choices}{default}", *names, rich_help_panel=panel)
    return found


def command(function: Callable[..., None], parameters: Mapping[str, Given], about: str) -> typer.core.TyperCommand:
    """A command of a function that is called with all parameters by name.

    Args:
        function: its body.
        parameters: name -> what is given.
        about: the first lines of its help.
    """

    def run(**values):
        function(**values)

    run.__doc__ = about
    run.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=given.default,
                annotation=Annotated[given.type, given.info],
            )
            for name, given in parameters.items()
        ]
    )
    run.__annotations__ = {name: Annotated[given.type, given.info] for name, given in parameters.items()}
    app = typer.Typer(add_completion=False, context_settings=SETTINGS, pretty_exceptions_enable=False)
    app.command()(run)
    return typer.main.get_command(app)


def recipe_command(
    name: str,
    function: Callable[..., None],
    parameters: Callable[[Recipe], dict[str, Given]],
    about: str,
    *,
    options: Callable[[Recipe], Mapping[str, Option]] = options_of,
) -> typer.core.TyperCommand:
    """The command of one recipe: its body gets the `recipe`, and the recipe's own options as `options`.

    Args:
        name: the recipe's.
        function: the body.
        parameters: those of every recipe.
        about: the first line of its help.
        options: those of the recipe that the command takes.
    """
    recipe = get_recipe(name)
    own = options(recipe)
    every = parameters(recipe)
    clash = sorted(set(own) & set(every))
    if clash:
        raise ValueError(f"recipe {name}: its option {clash[0]!r} has the name of one of every recipe")

    def body(**values):
        given = {key: values.pop(key) for key in own}
        function(recipe, options=given, **values)

    return command(body, {**every, **own_parameters(own, f"Of {name}")}, f"{about}\n\n{recipe.about}")


def split_off(words: Sequence[str], names: Sequence[str]) -> tuple[str | None, list[str]]:
    """(the first word that is one of the names, the others); None where none of them is.

    What stands behind an option is most likely its value, as a column called like a model (`--target caption`): it is a
    name only where no word stands by itself.
    """
    behind = ["", *words]
    free = [i for i, word in enumerate(words) if not word.startswith("-") and not _takes_next(behind[i])]
    for i in free or range(len(words)):
        # A file of that name, typed first, is meant as a file.
        if words[i] in names and not (i == 0 and pathlib.Path(words[i]).is_file()):
            return words[i], [*words[:i], *words[i + 1 :]]
    return None, list(words)


def _takes_next(word: str) -> bool:
    return word.startswith("-") and "=" not in word


def run_command(made: typer.core.TyperCommand, words: Sequence[str], prog: str) -> None:
    """Runs a command inside another one, which shows its errors."""
    made.main(list(words), prog_name=prog, standalone_mode=False)


def help_or_error(words: Sequence[str], prog: str, about: str) -> None:
    """What a command says that was given no recipe: its help, or that there is no such recipe.

    Raises:
        ValueError: the message lists the recipes there are.
    """
    if not words or {"-h", "--help"} & set(words):
        typer.echo(f"Usage: {prog} NAME [OPTIONS]\n\n{about}\n\nNAME is one of: {', '.join(list_recipes())}.")
        typer.echo(f"`{prog} NAME -h` shows its data sets and options.")
        return
    unknown = next((word for word in words if not word.startswith("-")), words[0])
    raise ValueError(f"no recipe for {unknown!r}; there are recipes for {list_recipes()}")
