"""The words that runbooks are read by: those that ship, in eight languages and more, and those that the operator adds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.runbook import lexicon
from console.runbook.library import Shelf, load_library, read_runbook_file

HEADINGS = {
    "en": ("Symptoms", "Impact", "Diagnosis", "Mitigation", "Verification", "Rollback", "Contacts", "Checklist"),
    "fr": (
        "Symptômes",
        "Vue d'ensemble",
        "Diagnostic",
        "Actions immédiates",
        "Vérification",
        "Retour arrière",
        "Contacts d'urgence",
        "Liste de contrôle",
    ),
    "de": (
        "Symptome",
        "Auswirkungen",
        "Fehlersuche",
        "Sofortmaßnahmen",
        "Überprüfung",
        "Zurückrollen",
        "Ansprechpartner",
        "Checkliste",
    ),
    "es": (
        "Síntomas",
        "Impacto",
        "Diagnóstico",
        "Mitigación",
        "Verificación",
        "Reversión",
        "Contactos",
        "Lista de verificación",
    ),
    "pt": (
        "Sintomas",
        "Visão geral",
        "Investigação",
        "Ações imediatas",
        "Verificação",
        "Reverter",
        "Contatos",
        "Lista de verificação",
    ),
    "zh": ("症状", "影响范围", "故障排查", "处理步骤", "验证", "回滚", "紧急联系人", "检查清单"),
    "ja": ("症状", "影響", "切り分け", "対応手順", "動作確認", "切り戻し", "緊急連絡先", "チェックリスト"),
    "ru": ("Симптомы", "Влияние", "Диагностика", "Порядок действий", "Проверка", "Откат", "Контакты", "Чек-лист"),
}
CLASSES = ("symptoms", "info", "diagnose", "act", "verify", "rollback", "contacts", "checklist")
LINES = {
    "wait": (
        "Wait 5 minutes",
        "Attendre 5 minutes",
        "Warten Sie 5 Minuten",
        "Esperar 5 minutos",
        "Aguardar 5 minutos",
        "等待5分钟",
        "待機 5分",
        "Подождать 5 минут",
    ),
    "check": (
        "Check the queue",
        "Vérifier la file",
        "Prüfen der Schlange",
        "Comprobar la cola",
        "Verificar a fila",
        "检查队列",
        "確認する",
        "Проверить очередь",
    ),
    "expect": (
        "Expected: two",
        "Résultat attendu : deux",
        "Erwartet: zwei",
        "Resultado esperado: dos",
        "Resultado esperado: dois",
        "预期：两个",
        "期待値：2",
        "Ожидается: два",
    ),
}
WITHIN = {
    "optional": (
        "if needed",
        "si nécessaire",
        "bei Bedarf",
        "si es necesario",
        "se necessário",
        "如有必要",
        "必要に応じて",
        "при необходимости",
    ),
    "decision": (
        "If it fails",
        "Sinon",
        "Falls nicht",
        "De lo contrario",
        "Caso contrário",
        "如果失败",
        "失敗した場合",
        "Если не помогло",
    ),
}


@pytest.fixture(autouse=True)
def _nothing_left_over() -> Iterator[None]:
    yield
    for path, _, _ in lexicon.signature():
        Path(path).unlink(missing_ok=True)
        lexicon.use(Path(path))


@pytest.mark.parametrize("language", sorted(HEADINGS))
def test_headings_of_each_language(language: str) -> None:
    found = tuple(lexicon.heading_class(title)[0] for title in HEADINGS[language])
    assert found == CLASSES


@pytest.mark.parametrize("key", sorted(LINES))
def test_lines_of_each_language(key: str) -> None:
    assert [line for line in LINES[key] if not lexicon.starts(key, line)] == []


@pytest.mark.parametrize("key", sorted(WITHIN))
def test_words_within_a_line_of_each_language(key: str) -> None:
    assert [line for line in WITHIN[key] if not lexicon.contains(key, line)] == []


def test_a_wait_has_its_time_in_each_language() -> None:
    assert [line for line in LINES["wait"] if lexicon.seconds(line) != 300] == []


@pytest.mark.parametrize("title", ["SYMPTÔMES :", "symptomes", "🚨 Symptômes", "3. Symptômes", "3) symptômes -"])
def test_case_accents_numbers_and_marks_do_not_matter(title: str) -> None:
    assert lexicon.heading_class(title) == ("symptoms", True)


OWN = """\
headings:
  act: was jetzt zu tun ist | fire drill
  info: [mitigation]
wait: [hold the line]
front_matter: {keeper: owner}
units: {minute: mn}
remove: rollback
"""
RUNBOOK = (
    "---\nkeeper: kim\n---\n# T\n\n"
    "## Fire drill\n\n- Hold the line 5 mn\n\n## Mitigation\n\n- nothing\n\n## Rollback\n\nwords\n"
)


def test_the_operators_words_are_read_by_too(tmp_path: Path) -> None:
    path = tmp_path / "t.md"
    path.write_text(RUNBOOK)
    before = read_runbook_file(path).runbooks[0]
    assert [phase.title for phase in before.phases] == ["Mitigation", "Rollback"]
    (tmp_path / lexicon_name()).write_text(OWN)
    after = read_runbook_file(path).runbooks[0]
    assert [phase.title for phase in after.phases] == ["Fire drill"]
    step = next(after.steps())
    assert (step.kind, step.wait_s, after.owner) == ("wait", 300, "kim")


def lexicon_name() -> str:
    from console.runbook.lexicon_file import NAME

    return NAME


def test_a_library_reads_again_when_the_words_change(tmp_path: Path) -> None:
    (tmp_path / "t.md").write_text(RUNBOOK)
    shelf = Shelf()
    before = load_library([tmp_path], shelf, shipped=False).entries[0].runbook
    assert before.phases[0].title == "Mitigation"
    (tmp_path / lexicon_name()).write_text(OWN)
    library = load_library([tmp_path], shelf, shipped=False)
    assert [phase.title for phase in library.entries[0].runbook.phases] == ["Fire drill"]
    assert not library.problems


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("heading:\n  act: go\n", 1, "did you mean headings"),
        ("wait: hold\nheadings:\n  actions: go\n", 3, "headings.actions: is not known, did you mean act"),
        ("wait: 5\n", 1, "wait: phrases were expected, got 5"),
        ("wait:\n  - hold\n  - '!'\n", 3, "wait: phrases were expected, got '!'"),
        ("front_matter:\n  keeper: boss\n", 2, "front_matter.keeper: is not known"),
        ("headings: act\n", 1, "headings: a mapping was expected"),
        ("- wait\n", 1, "a mapping of lists was expected"),
        ("wait: [a\n", 2, "did not find expected"),
        ("wait: a\nwait: b\n", 2, "stands here twice"),
    ],
)
def test_a_bad_file_is_told_of_with_its_line_and_adds_nothing(tmp_path: Path, text: str, line: int, words: str) -> None:
    path = tmp_path / lexicon_name()
    path.write_text(text)
    (tmp_path / "t.md").write_text(RUNBOOK)
    (problem,) = load_library([tmp_path], shipped=False).problems
    assert (problem.path, problem.problem.line, problem.problem.level) == (str(path), line, "error")
    assert words in problem.problem.message
    fault = lexicon.use(path)
    assert fault is not None
    assert str(fault).startswith(f"{path}:{line}: ")
    assert not lexicon.starts("wait", "hold")
