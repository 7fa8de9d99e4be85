"""Channels told apart by names: files of their own (`s00_w1DAPI.tif`, `DAPI/s00.tif`), and labels of slices."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

STAINS = (
    r"DAPI|Hoechst\d*|[a-z]?GFP|[a-z]?RFP|[a-z]?YFP|[a-z]?CFP|[a-z]?BFP|mCherry|mRuby\d?|tdTomato|mScarlet|mNeonGreen"
    r"|Cy[2357](\.5)?|FITC|TRITC|Tx-?Red|Texas-?Red|Alexa-?\d{3}|AF\d{3}|BF|brightfield|DIC|phase|Ph\d|red|green|blue"
    r"|yellow|magenta|cyan"
)
END = r"(?![A-Za-z0-9])"
SURE = (  # these mean channels wherever they are found
    rf"_w\d(-?({STAINS}|[A-Za-z][A-Za-z0-9-]*))?{END}",  # MetaMorph
    r"^C\d-",  # Fiji, Split Channels
    rf"[_\-. ]ch(an(nel)?)?[_-]?\d+({END}|(?=sk))",  # Leica, Opera
    rf"[_\-. ](?i:{STAINS}){END}",
    rf"_d\d{END}",  # Cellomics
    rf"(?<=Z\d\d)C\d\d{END}",  # Yokogawa
)
PERHAPS = (rf"[_\-. ][cC]\d+{END}", r"[_\-][A-Z](?=\.\w+$)")  # may number cells as well: where all have all of them
ORIGIN = (
    r"(?i:\.(tiff?|png|jpe?g|nd2|czi|lif|lsm|stk|dv|oib|oif|ics|ids|vsi|zvi|sld|xml|bmp|gif)$|^\(?series[ _]*\d+\)?$)"
)
"""What says where a slice came from."""
MOST = 8  # channels of an image
IDENTIFIER = r"(?i:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})"
"""What MetaXpress puts behind a channel's number, another one in every file: BBBC021's `G10_s1_w1BEDC2073-….tif`."""
PLANES = {
    "planes of stacks": rf"[_\-. ]?(?<![A-Za-z])[zZ]_?\d+{END}",
    "time points of series": rf"[_\-. ][tT]_?\d+{END}",
}


def markers_of(names: Sequence[str]) -> tuple[str, ...]:
    """The words in these names of files that tell channels apart, in order; () where every file is an image.

    Args:
        names: of all image files of a class, as "rep1/s00_w1DAPI.tif".
    """
    for pattern in (*SURE, *PERHAPS):
        found: dict[str, set[str]] = {}
        for name in names:
            folder, _, own = _without_identifier(name).rpartition("/")
            match = re.search(pattern, own)
            if not match:
                break
            key = f"{folder}/{own[: match.start()]}/{own[match.end() :]}"
            found.setdefault(key, set()).add(match[0])
        else:
            markers = tuple(sorted(set().union(*found.values())))
            complete = sum(len(each) == len(markers) for each in found.values())
            least = max(2, len(found)) if pattern in PERHAPS else len(found) / 2
            if 2 <= len(markers) <= MOST and complete >= least:
                return markers
    return ()


def folders_of_channels(folders: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """The markers ("DAPI/", "GFP/") of folders that hold one channel each; () where they are something else.

    Args:
        folders: name of each folder to the names of its files.
    """
    named = all(re.fullmatch(rf"(?i:{STAINS}|ch?\d+|w\d.*|channel[_ -]?\d+)", name) for name in folders)
    alike = len({frozenset(names) for names in folders.values()}) == 1
    return tuple(f"{name}/" for name in sorted(folders)) if 2 <= len(folders) <= MOST and named and alike else ()


def grouped(names: Iterable[str], markers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The files of each image, one a channel in the order of the markers, "" where one is missing.

    Args:
        names: of the image files; those without a marker are none of an image.
        markers: what tells channels apart.
    """
    images: dict[str, dict[str, str]] = {}
    for name in names:
        plain = _without_identifier(name)
        marker = max((each for each in markers if each in plain), key=len, default=None)
        if marker is not None:
            images.setdefault(plain.replace(marker, "", 1), {})[marker] = name
    return {key: tuple(files.get(each, "") for each in markers) for key, files in sorted(images.items())}


def _without_identifier(name: str) -> str:
    return re.sub(IDENTIFIER, "", name)


def series_in(names: Sequence[str]) -> dict[str, str]:
    """What files of several images a series seem to be ("planes of stacks"), each with an example of two of them.

    Args:
        names: of all image files of a class.
    """
    told = {}
    for what, pattern in PLANES.items():
        found: dict[str, list[str]] = {}
        for name in names:
            folder, _, own = name.rpartition("/")
            match = re.search(pattern, own)
            if match:
                found.setdefault(f"{folder}/{own[: match.start()]}/{own[match.end() :]}", []).append(name)
        several = [each for each in found.values() if len(each) > 1]
        if sum(map(len, several)) > len(names) / 2 and len(several) > len(found) / 2:
            told[what] = f"{several[0][0]}, {several[0][1]}"
    return told


def names_of(markers: Sequence[str]) -> tuple[str, ...]:
    """What to call the channels: "_w1DAPI" is DAPI, "C2-" is C2."""
    names = tuple(re.sub(r"^_w\d-?(?=.)|[_\-. /]", "", each) for each in markers)
    return names if all(names) and len(set(names)) == len(names) else tuple(markers)


def names_in_labels(labels: Sequence[str], stem: str) -> tuple[str, ...]:
    """The names of channels in the labels of an ImageJ file's slices; () where these say something else.

    Fiji labels slices "c:1/2 - cell00.nd2": where a slice lies, and the file or series that it came from. What is left
    without these is a name.

    Args:
        labels: of the slices, one a channel.
        stem: of the file's own name.
    """
    parts = [_parts(label, stem) for label in labels]
    names = [
        " ".join(each for each in own if len(parts) == 1 or any(each not in other for other in parts)) for own in parts
    ]
    return tuple(names) if all(names) and len(set(names)) == len(names) else ()


def _parts(label: str, stem: str) -> list[str]:
    line = (label.splitlines() or [""])[0]
    own = re.sub(r"^\s*([czt]:\s*\d+\s*/\s*\d+[\s;,]*)+", "", line)
    parts = [each.strip() for each in re.split(r"\s-\s|^-|;", own)]
    return [each for each in parts if each and each != stem and not re.search(ORIGIN, each)]
