"""A new SQLite file may be opened by several processes at the same moment."""

import threading
from pathlib import Path

from marketplace.core.db import Database


def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """The change to the write-ahead log is refused at once while another one makes it, whatever the busy timeout."""
    failures: list[Exception] = []
    for turn in range(40):
        url = f"sqlite:///{tmp_path}/{turn}.db"
        start = threading.Barrier(3)

        def write(url: str = url, start: threading.Barrier = start) -> None:
            database = Database(url)
            start.wait()
            try:
                with database.writing() as session:
                    session.connection().exec_driver_sql("CREATE TABLE IF NOT EXISTS note (number INTEGER)")
            except Exception as error:
                failures.append(error)
            finally:
                database.dispose()

        threads = [threading.Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
