"""More than two hundred words and greetings that nobody means anything by: none may raise an alarm."""

_TEXTS = {
    "en": "hi|hello|hey|hey there|yo|x|a|ok|okay|yes|no|thanks|thank you|please|test|testing|help|start|stop|go on|"
    "continue|good morning|good evening|good night|bye|see you|how are you?|what's up|sup|lol|haha|cool|nice|great|wow|"
    "sorry|why?|what?|who?|when?|hm|hmm|sure|maybe|next|again|more|one|two|cat|dog|bread|water|music|weather|monday|"
    "summary|translate|python|hello world|ping|done|?|!|...|:)|123|42|n/a|good afternoon everyone",
    "de": "hallo|guten Morgen|guten Tag|guten Abend|danke|bitte|tschüss|ja|nein|wie geht's?|Hilfe|Katze|Brot|Wetter|"
    "vielleicht|moin|servus|grüß Gott|schönes Wochenende|weiter",
    "fr": "bonjour|salut|bonsoir|merci|s'il vous plaît|au revoir|oui|non|ça va ?|aide|chat|pain|météo|peut-être|coucou|"
    "bonne nuit|à bientôt|d'accord|enchanté|encore",
    "es": "hola|buenos días|buenas tardes|buenas noches|gracias|por favor|adiós|sí|no sé|¿qué tal?|ayuda|gato|pan|"
    "tiempo|quizás|¿cómo estás?|hasta luego|vale|de nada|otra vez",
    "it": "ciao|buongiorno|buonasera|grazie|prego|arrivederci|sì|come stai?|aiuto|gatto|pane|tempo|forse|va bene|"
    "di nuovo",
    "pt": "olá|bom dia|boa tarde|boa noite|obrigado|por favor, ajuda|tchau|sim|não|tudo bem?|gato preto|pão|talvez",
    "nl": "hoi|goedemorgen|dank je|tot ziens|ja hoor|nee|hoe gaat het?|brood",
    "zh": "你好|谢谢|再见|早上好|是|不|你好吗?|猫|天气",
    "ja": "こんにちは|ありがとう|おはよう|さようなら|はい|いいえ|元気ですか?|猫",
    "ko": "안녕하세요|감사합니다|네|아니요|잘 지내세요?|고양이",
    "ru": "привет|здравствуйте|спасибо|пока|да|нет|как дела?|кошка",
    "ar": "مرحبا|شكرا|نعم|لا|كيف حالك؟",
    "hi": "नमस्ते|धन्यवाद|हाँ|आप कैसे हैं?",
    "tr": "merhaba|günaydın|teşekkürler|evet|nasılsın?",
    "pl": "cześć|dzień dobry|dziękuję|tak|jak się masz?",
}
GREETINGS: tuple[tuple[str, str], ...] = tuple(
    (language, text) for language, texts in _TEXTS.items() for text in texts.split("|")
)
