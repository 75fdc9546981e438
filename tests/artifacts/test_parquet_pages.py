"""What the pages of a Parquet file state is what Arrow wrote there."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.artifacts.parquet_pages import stated_sizes

ROWS = 5000
TABLE = pa.table(
    {
        "number": np.arange(ROWS, dtype=np.float64),
        "text": [f"text {n % 7}" for n in range(ROWS)],
        "picture": [bytes([n % 256]) * 500 for n in range(ROWS)],
        "point": pa.FixedSizeListArray.from_arrays(np.arange(3.0 * ROWS), 3),
        "list": [list(range(n % 5)) for n in range(ROWS)],
    }
)


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_stated_sizes_are_those_that_were_written(
    tmp_path: Path, dictionary: bool, version: str, compression: str
) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(
        TABLE,
        path,
        row_group_size=2000,
        data_page_size=4096,
        use_dictionary=dictionary,
        data_page_version=version,
        compression=compression,
    )
    footer = pq.read_metadata(path)
    stated = stated_sizes(path.read_bytes())
    assert len(stated) == footer.num_row_groups == 3
    for number, one in enumerate(stated):
        group = footer.row_group(number)
        # A footer counts the headers of pages too.
        assert 0.95 * group.total_byte_size < one.bytes < group.total_byte_size
        values = sum(group.column(place).num_values for place in range(group.num_columns))
        assert one.values > values if dictionary else one.values == values


def test_a_row_group_without_rows_states_nothing(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(TABLE.slice(0, 0), path)
    assert [(one.bytes, one.values) for one in stated_sizes(path.read_bytes())] == [(0, 0)]


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + bytes(8), b"\xff" * 64, bytes(64)])
def test_bytes_of_no_parquet_file_are_refused(data: bytes) -> None:
    with pytest.raises((ValueError, LookupError)):
        stated_sizes(data)


@pytest.mark.parametrize("kind", range(16))
def test_a_footer_of_any_nesting_is_refused(kind: int) -> None:
    footer = bytes([0x10 | kind, 0x10 | kind]) * 50_000
    data = b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1"
    with pytest.raises((ValueError, LookupError)):
        stated_sizes(data)
