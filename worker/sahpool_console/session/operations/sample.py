"""A small set of real data to try SQL on: the planets and their larger moons.

Figures: NASA/NSSDCA Planetary Fact Sheet and JPL Planetary Satellite Physical Parameters and
Mean Elements, rounded; both in the public domain.
"""

import sqlite3

from ..errors import NameExists
from ..job import Job
from ..session import Fields, Session

__all__ = ["OPERATIONS"]

TABLES = ("planet", "moon")

QUERY = """\
-- The moons that are larger than Earth's Moon, and how large their planets are.
SELECT moon.name AS moon,
       planet.name AS planet,
       moon.radius_km,
       round(moon.radius_km / planet.radius_km, 3) AS size_ratio
  FROM moon
  JOIN planet ON planet.id = moon.planet_id
 WHERE moon.radius_km > (SELECT radius_km FROM moon WHERE name = 'Moon')
 ORDER BY moon.radius_km DESC;
"""

_SCHEMA = (
    """\
CREATE TABLE main.planet (
  id INTEGER PRIMARY KEY,           -- counted from the Sun
  name TEXT NOT NULL UNIQUE,
  radius_km REAL NOT NULL,          -- mean radius
  mass_1e24kg REAL NOT NULL,
  distance_au REAL NOT NULL,        -- semi-major axis of the orbit
  year_days REAL NOT NULL,          -- orbital period in days of 24 hours
  rings INTEGER NOT NULL            -- 1 if it has rings
)""",
    """\
CREATE TABLE main.moon (
  name TEXT PRIMARY KEY,
  planet_id INTEGER NOT NULL REFERENCES planet (id),
  radius_km REAL NOT NULL,          -- mean radius
  distance_km INTEGER NOT NULL,     -- semi-major axis of the orbit
  period_days REAL NOT NULL,        -- negative when it goes round backwards
  discovered INTEGER,               -- year; NULL: known since prehistory
  discoverer TEXT
)""",
)

_PLANETS = (
    (1, "Mercury", 2439.7, 0.330, 0.387, 88.0, 0),
    (2, "Venus", 6051.8, 4.87, 0.723, 224.7, 0),
    (3, "Earth", 6371.0, 5.97, 1.0, 365.2, 0),
    (4, "Mars", 3389.5, 0.642, 1.524, 687.0, 0),
    (5, "Jupiter", 69911.0, 1898.0, 5.204, 4331.0, 1),
    (6, "Saturn", 58232.0, 568.0, 9.573, 10747.0, 1),
    (7, "Uranus", 25362.0, 86.8, 19.165, 30589.0, 1),
    (8, "Neptune", 24622.0, 102.0, 30.178, 59800.0, 1),
)

_MOONS = (
    ("Moon", 3, 1737.4, 384400, 27.322, None, None),
    ("Phobos", 4, 11.1, 9376, 0.319, 1877, "Asaph Hall"),
    ("Deimos", 4, 6.2, 23458, 1.262, 1877, "Asaph Hall"),
    ("Io", 5, 1821.5, 421800, 1.769, 1610, "Galileo Galilei"),
    ("Europa", 5, 1560.8, 671100, 3.551, 1610, "Galileo Galilei"),
    ("Ganymede", 5, 2631.2, 1070400, 7.155, 1610, "Galileo Galilei"),
    ("Callisto", 5, 2410.3, 1882700, 16.689, 1610, "Galileo Galilei"),
    ("Amalthea", 5, 83.5, 181400, 0.498, 1892, "Edward Emerson Barnard"),
    ("Himalia", 5, 85.0, 11461000, 250.56, 1904, "Charles Dillon Perrine"),
    ("Mimas", 6, 198.2, 185540, 0.942, 1789, "William Herschel"),
    ("Enceladus", 6, 252.1, 238040, 1.370, 1789, "William Herschel"),
    ("Tethys", 6, 531.1, 294670, 1.888, 1684, "Giovanni Domenico Cassini"),
    ("Dione", 6, 561.4, 377420, 2.737, 1684, "Giovanni Domenico Cassini"),
    ("Rhea", 6, 763.5, 527070, 4.518, 1672, "Giovanni Domenico Cassini"),
    ("Titan", 6, 2574.8, 1221870, 15.945, 1655, "Christiaan Huygens"),
    ("Hyperion", 6, 135.0, 1500880, 21.277, 1848, "William Cranch Bond"),
    ("Iapetus", 6, 734.3, 3560840, 79.322, 1671, "Giovanni Domenico Cassini"),
    ("Phoebe", 6, 106.5, 12947780, -550.3, 1899, "William Henry Pickering"),
    ("Miranda", 7, 235.8, 129900, 1.413, 1948, "Gerard Kuiper"),
    ("Ariel", 7, 578.9, 190900, 2.520, 1851, "William Lassell"),
    ("Umbriel", 7, 584.7, 266000, 4.144, 1851, "William Lassell"),
    ("Titania", 7, 788.9, 436300, 8.706, 1787, "William Herschel"),
    ("Oberon", 7, 761.4, 583500, 13.463, 1787, "William Herschel"),
    ("Puck", 7, 81.0, 86000, 0.762, 1985, "Voyager 2"),
    ("Triton", 8, 1353.4, 354760, -5.877, 1846, "William Lassell"),
    ("Proteus", 8, 210.0, 117650, 1.122, 1989, "Voyager 2"),
    ("Nereid", 8, 170.0, 5513400, 360.14, 1949, "Gerard Kuiper"),
    ("Larissa", 8, 97.0, 73550, 0.555, 1981, "Harold Reitsema"),
)


def _create(con: sqlite3.Connection) -> None:
    """Creates and fills the tables, inside the transaction of the caller."""
    for table in _SCHEMA:
        con.execute(table)
    # Without "main." a temporary table of the same name would get the rows.
    con.executemany("INSERT INTO main.planet VALUES (?, ?, ?, ?, ?, ?, ?)", _PLANETS)
    con.executemany("INSERT INTO main.moon VALUES (?, ?, ?, ?, ?, ?, ?)", _MOONS)


async def load_sample(session: Session, job: Job) -> Fields:
    """Creates the sample tables in the open database, all or none."""
    connection = session.open_connection
    connection.require_no_transaction()
    await session.host.storage.prepare()
    connection.close_results()
    await session.patiently(job, connection.begin)
    with connection.transaction():
        for table in TABLES:
            if connection.object_type(table) is not None:
                raise NameExists(table, "table")
        _create(connection.con)
    session.wrote()
    return {**session.described(), "sql": QUERY}


OPERATIONS = {"sample": load_sample}
