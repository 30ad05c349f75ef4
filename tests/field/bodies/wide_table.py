# A survey with the questions as column names: one CREATE TABLE of 135,000 bytes. Made here,
# exported, brought in again.
import json

import sahpool

pool = await sahpool.install(name="wide", clear_on_init=True)
c = pool.connect("survey.db")
sql = (
    "create table survey("
    + ", ".join(
        f'"Q{i}. On a scale from one to five, how much do you agree with statement no. {i}?" TEXT'
        for i in range(1500)
    )
    + ")"
)
c.execute(sql)
c.commit()
c.close()
try:
    await pool.import_db("copy.db", pool.export_file("survey.db"))
    verdict = "PASS"
except Exception as e:
    verdict = f"FAIL: {len(sql)} bytes: {type(e).__name__}: {e}"
result = json.dumps(verdict)
