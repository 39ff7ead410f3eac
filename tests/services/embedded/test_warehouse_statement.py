import pytest

from services.embedded.warehouse.statement import BadStatement, statement_in


def test_rows_of_an_insert_follow_the_line_of_its_format() -> None:
    statement = statement_in({}, b"INSERT INTO t (`a`, `b`) FORMAT Native\n\x02\x01\xff\n\x00")
    assert (statement.sql, statement.format) == ("INSERT INTO t (`a`, `b`)", "Native")
    assert statement.payload == b"\x02\x01\xff\n\x00"


def test_an_insert_in_the_query_argument_takes_the_whole_body_as_rows() -> None:
    statement = statement_in({"query": "INSERT INTO t FORMAT JSONEachRow"}, b'{"a": 1}\n{"a": 2}')
    assert (statement.format, statement.payload) == ("JSONEachRow", b'{"a": 1}\n{"a": 2}')


def test_inserted_values_and_selects_are_plain_statements() -> None:
    assert statement_in({}, b"INSERT INTO t VALUES (1, 'FORMAT Native\n')").payload is None
    assert statement_in({}, b"INSERT INTO t SELECT 1").payload is None


def test_arguments_part_into_database_settings_and_parameters() -> None:
    arguments = {"database": "d", "max_threads": "1", "param_x": "7", "session_id": "s", "query": "SELECT {x:Int8}"}
    statement = statement_in(arguments, b"")
    assert (statement.database, statement.settings, statement.parameters) == ("d", {"max_threads": "1"}, {"x": "7"})


def test_a_setting_whose_name_is_no_name_is_not_taken() -> None:
    assert statement_in({"a = 1, b": "2", "query": "SELECT 1"}, b"").settings == {}


def test_the_format_at_the_end_of_a_query_names_the_answers_format() -> None:
    statement = statement_in({}, b"SELECT 1\n FORMAT Native")
    assert (statement.format, statement.without_format, statement.reads) == ("Native", "SELECT 1", True)


def test_ddl_has_no_result() -> None:
    assert not statement_in({}, b"CREATE TABLE t (a Int8) ENGINE = Memory").reads


@pytest.mark.parametrize("body", [b"", b" \n", b"SELECT '\xff'"])
def test_no_query_or_no_text_is_refused(body: bytes) -> None:
    with pytest.raises(BadStatement):
        statement_in({}, body)
