"""Tables of all formats as rows of texts: CSV, JSON lines, Excel, Parquet, and folders of pictures or sounds."""

from mmzoo.encoding.tables.table_file import TableFile, open_table

__all__ = ["TableFile", "open_table"]
