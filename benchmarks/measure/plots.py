"""The figures, as SVG."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from result import Section


@dataclass(frozen=True)
class Plot:
    title: str
    x_label: str
    linear_below: float  # where 0 is among the numbers, the scale is linear up to this


PLOTS = {
    "snapshots": Plot("Time against the number of snapshots in the store", "snapshots", 1),
    "files": Plot("Time against the size of the upper", "files in the upper", 1000),
    "depth": Plot("Time against the number of snapshots on top of each other", "snapshots below the root", 1),
    "sessions": Plot("Time against the number of sessions started at once", "sessions", 1),
}


def lines_of(sections: list[Section], plot: str) -> dict[str, list[tuple[float, float]]]:
    lines: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for section in sections:
        for one in section.rows:
            if one.row.point and one.row.point.plot == plot:
                lines[one.row.point.line].append((one.row.point.x, one.median / 1000))
    return {name: sorted(points) for name, points in lines.items()}


def draw(sections: list[Section], directory: Path) -> list[str]:
    """@returns the names of the plots that there are numbers for"""
    import matplotlib  # not needed by who only measures

    matplotlib.use("svg")
    # Text stays text, and the same numbers give the same file.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "plyroot", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3})
    from matplotlib import pyplot
    from matplotlib.ticker import FuncFormatter

    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, plot in PLOTS.items():
        lines = lines_of(sections, name)
        if not lines:
            continue
        figure, axes = pyplot.subplots(figsize=(7.5, 4))
        for label, points in lines.items():
            axes.plot(*zip(*points, strict=True), marker="o", markersize=3, linewidth=1.2, label=label)
        axes.set_xscale("symlog", linthresh=plot.linear_below)
        axes.set_yscale("log")
        axes.set(title=plot.title, xlabel=plot.x_label, ylabel="ms, median")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.set_xticks(sorted({x for points in lines.values() for x, _ in points}))
        axes.minorticks_off()
        axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        figure.savefig(directory / f"{name}.svg", bbox_inches="tight", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
        drawn.append(name)
    return drawn
