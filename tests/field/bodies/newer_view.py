# A database that SQLite 3.46 wrote, with a view in a syntax that 3.39 does not know (ORDER BY
# within an aggregate). It is not damaged, and getting it again is no help.
import json
import sqlite3
import warnings

import sahpool

pool = await sahpool.install(name="newer", clear_on_init=True)
m = sqlite3.connect(":memory:", isolation_level=None)
m.execute("create table t(a,b)")
m.execute("insert into t values(1, 'x')")
m.execute("pragma writable_schema=on")
m.execute(
    "insert into sqlite_schema values('view','v','v',0,"
    "'CREATE VIEW v AS SELECT group_concat(b, '','' ORDER BY a) FROM t')"
)
data = bytearray(m.serialize())
data[96:100] = (3046001).to_bytes(4, "big")  # the file says which SQLite wrote it last
try:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        await pool.import_db("n.db", bytes(data))
    (warning,) = [each.message for each in told]
    assert isinstance(warning, sahpool.NewerSchemaWarning), warning
    assert (warning.objects, warning.written_by) == (("v",), "3.46.1"), warning
    for con in (
        sqlite3.connect("file:/n.db?vfs=newer", uri=True),
        pool.connect("n.db"),
    ):
        assert con.execute("select * from t").fetchall() == [(1, "x")]
        con.close()
    assert pool.export_file("n.db") == bytes(data), "the export is another file"
    verdict = "PASS"
except sahpool.ImportRejectedError as e:
    verdict = ("FAIL" if "damaged" in str(e) else "PASS") + f": {e} / {e.hint}"
result = json.dumps(verdict)
