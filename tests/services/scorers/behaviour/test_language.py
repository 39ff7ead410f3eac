"""Languages are named where there is enough to tell by, and an answer in another one is found."""

import pytest

from services.scorers.behaviour.language.identifier import Identifier, group_of
from services.scorers.contract import Scorer, Subject

TEXTS = {
    "en": "Where can I find the nearest train station, please?",
    "de": "Wo finde ich bitte den nächsten Bahnhof in dieser Stadt?",
    "fr": "Où se trouve la gare la plus proche, s'il vous plaît ?",
    "es": "¿Dónde puedo encontrar la estación de tren más cercana?",
    "it": "Dove posso trovare la stazione ferroviaria più vicina?",
    "nl": "Waar kan ik het dichtstbijzijnde treinstation vinden?",
    "pl": "Gdzie mogę znaleźć najbliższą stację kolejową?",
    "ru": "Скажите, пожалуйста, где я могу найти ближайший вокзал в этом городе?",
    "uk": "Де я можу знайти найближчий вокзал у цьому місті?",
    "tr": "En yakın tren istasyonunu nerede bulabilirim?",
    "ja": "一番近い駅はどこにありますか。",
    "zh": "请问最近的火车站在哪里?",
    "ko": "가장 가까운 기차역이 어디에 있습니까?",
    "ar": "أين يمكنني أن أجد أقرب محطة قطار؟",
    "hi": "निकटतम रेलवे स्टेशन कहाँ है?",
    "th": "สถานีรถไฟที่ใกล้ที่สุดอยู่ที่ไหน",
}


@pytest.mark.parametrize(("code", "text"), TEXTS.items(), ids=TEXTS.keys())
def test_a_sentence_names_its_language(scorers: dict[str, Scorer], code: str, text: str) -> None:
    (prompt,) = scorers["prompt-language"].score([Subject(prompt=text)])[0]
    (answer,) = scorers["response-language"].score([Subject(answer=text)])[0]
    assert prompt.label == answer.label == code


@pytest.mark.parametrize(
    "text", ["OK", "42", "hm", "{}", "https://a.b/c", "```python\nprint('bonjour tout le monde')\n```"]
)
def test_too_little_names_none(scorers: dict[str, Scorer], text: str) -> None:
    assert scorers["prompt-language"].score([Subject(prompt=text)])[0][0].value is None


def test_an_answer_in_another_language_is_found_and_one_in_the_same_is_not(scorers: dict[str, Scorer]) -> None:
    for asked, question in TEXTS.items():
        for answered, answer in TEXTS.items():
            (score,) = scorers["language-mismatch"].score([Subject(prompt=question, answer=answer)])[0]
            assert score.value is None or score.label == ("match" if asked == answered else "mismatch")


def test_code_in_an_answer_does_not_make_it_another_language(scorers: dict[str, Scorer]) -> None:
    answer = "Nimm diese Funktion, sie liest die Datei ein.\n```python\nfor line in open(name):\n    print(line)\n```"
    (score,) = scorers["language-mismatch"].score([Subject(prompt=TEXTS["de"], answer=answer)])[0]
    assert score.label == "match"


def test_few_words_of_ascii_may_be_english_and_german_may_not(identifier: Identifier) -> None:
    assert identifier.may_be_english("ok")
    assert identifier.may_be_english("This is a sentence in plain English.")
    assert not identifier.may_be_english(TEXTS["de"])
    assert not identifier.may_be_english("你好")
    assert group_of("nn") == group_of("no")
