"""Kinds of personal data and secrets, and what an event says of those that were found in its texts."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

from schemas.record import Count

Policy = Literal["off", "mask", "drop-text", "hash"]

PERSON = "PERSON"
_CONTACT = {
    "EMAIL": "e-mail address",
    "PHONE": "telephone number",
    "POSTAL_ADDRESS": "street and number, post box, British postcode",
    PERSON: "name behind a title, a form field or “my name is”",
    "DATE_OF_BIRTH": "date behind a word for birth",
    "IP_ADDRESS": "IPv4 or IPv6 address",
    "MAC_ADDRESS": "MAC address",
    "COORDINATES": "latitude and longitude",
}
_MONEY = {
    "CARD": "payment card",
    "CARD_CODE": "CVV, CVC or PIN behind its name",
    "IBAN": "bank account, international",
    "BANK_ACCOUNT": "bank account, sort code or routing number behind its name",
    "CRYPTO_ADDRESS": "Bitcoin, Ethereum and other wallets",
}
_IDENTITIES = {
    "AR_CUIT": "Argentina",
    "AT_SVNR": "Austria, social security",
    "AU_MEDICARE": "Australia, health",
    "AU_TFN": "Australia, tax",
    "BE_NN": "Belgium, national register",
    "BG_EGN": "Bulgaria",
    "BR_CNPJ": "Brazil, business",
    "BR_CPF": "Brazil",
    "CA_SIN": "Canada, social insurance",
    "CH_AHV": "Switzerland, social security",
    "CL_RUT": "Chile",
    "CN_RIC": "China, resident",
    "CZ_RC": "Czechia and Slovakia, birth number",
    "DE_TAX_ID": "Germany, tax",
    "DK_CPR": "Denmark",
    "EE_IK": "Estonia and Lithuania",
    "ES_DNI": "Spain",
    "ES_NIE": "Spain, foreigners",
    "FI_HETU": "Finland",
    "FR_NIR": "France, social security",
    "GR_AMKA": "Greece, social security",
    "HK_ID": "Hong Kong",
    "HR_OIB": "Croatia",
    "IE_PPS": "Ireland",
    "IL_ID": "Israel",
    "IN_AADHAAR": "India",
    "IN_PAN": "India, tax",
    "IS_KENNITALA": "Iceland",
    "IT_FISCAL_CODE": "Italy",
    "JP_MY_NUMBER": "Japan",
    "KR_RRN": "Korea",
    "LV_PK": "Latvia",
    "MX_CURP": "Mexico",
    "MX_RFC": "Mexico, tax",
    "MY_NRIC": "Malaysia",
    "NL_BSN": "Netherlands",
    "NO_FNR": "Norway",
    "PK_CNIC": "Pakistan",
    "PL_PESEL": "Poland",
    "PT_NIF": "Portugal, tax",
    "RO_CNP": "Romania",
    "RU_SNILS": "Russia, pension",
    "SE_PNR": "Sweden",
    "SG_NRIC": "Singapore",
    "SI_EMSO": "Slovenia and what was Yugoslavia",
    "TH_PIN": "Thailand",
    "TR_TCKN": "Turkey",
    "TW_ID": "Taiwan",
    "UK_NHS": "Britain, health",
    "UK_NINO": "Britain, national insurance",
    "US_ITIN": "United States, tax",
    "US_MBI": "United States, Medicare",
    "US_SSN": "United States, social security",
    "ZA_ID": "South Africa",
    "PASSPORT": "passport or identity card behind its name",
    "DRIVING_LICENCE": "driving licence behind its name, or a British one",
    "MEDICAL_RECORD": "patient or insurance number behind its name",
    "IMEI": "mobile device",
    "VIN": "vehicle",
}
_SECRETS = {
    "PASSWORD": "password behind its name",
    "PRIVATE_KEY": "private key in PEM, PGP, PuTTY or age form",
    "CONNECTION_STRING": "address of a database or queue with its password",
    "BASIC_AUTH_URL": "web address with user and password",
    "AUTH_HEADER": "bearer or basic credentials",
    "JWT": "JSON web token",
    "API_KEY": "value behind a name such as api_key, secret or token",
    "SESSION_TOKEN": "session cookie or parameter",
    "AWS_ACCESS_KEY": "AWS",
    "AWS_SECRET_KEY": "AWS",
    "AZURE_KEY": "Azure storage, signature or client secret",
    "GOOGLE_KEY": "Google API key or OAuth secret",
    "GITHUB_TOKEN": "GitHub",
    "GITLAB_TOKEN": "GitLab",
    "SLACK_TOKEN": "Slack token or webhook",
    "DISCORD_TOKEN": "Discord token or webhook",
    "TELEGRAM_TOKEN": "Telegram bot",
    "STRIPE_KEY": "Stripe",
    "OPENAI_KEY": "OpenAI, and others of the form sk-",
    "ANTHROPIC_KEY": "Anthropic",
    "HUGGINGFACE_TOKEN": "Hugging Face",
    "AI_KEY": "Groq, xAI, Replicate, Perplexity",
    "NPM_TOKEN": "npm",
    "PYPI_TOKEN": "PyPI",
    "TWILIO_KEY": "Twilio",
    "SENDGRID_KEY": "SendGrid",
    "MAIL_KEY": "Mailgun, Mailchimp, Brevo",
    "SHOPIFY_TOKEN": "Shopify",
    "SQUARE_TOKEN": "Square",
    "META_TOKEN": "Facebook and Instagram",
    "DATABRICKS_TOKEN": "Databricks",
    "DIGITALOCEAN_TOKEN": "DigitalOcean",
    "VAULT_TOKEN": "HashiCorp Vault and Terraform",
    "DOCKER_TOKEN": "Docker Hub",
    "ATLASSIAN_TOKEN": "Atlassian",
    "NOTION_TOKEN": "Notion",
    "SERVICE_TOKEN": "Grafana, New Relic, Linear, Airtable, Postman, PlanetScale, Doppler, Sentry, Figma, and more",
}
# What a text may hold that is somebody's, or opens something; the name is what stands in its place.
KINDS: Mapping[str, str] = MappingProxyType({**_CONTACT, **_MONEY, **_IDENTITIES, **_SECRETS})

Found = dict[str, Annotated[int, msgspec.Meta(ge=1)]]


class Private(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found in the texts of an event, and under which policy they were written.

    Attributes:
        policy: What was done with it.
        kinds: What was looked for; empty means all there are.
        prompt: How often each kind stands in the last user message.
        answer: Likewise in the answer, of several the first.
        elsewhere: Likewise in every other text.
        prompt_characters: Length of a prompt that was dropped.
        answer_characters: Length of an answer that was dropped.
    """

    policy: Policy
    kinds: tuple[str, ...] = ()
    prompt: Found = {}
    answer: Found = {}
    elsewhere: Found = {}
    prompt_characters: Count = 0
    answer_characters: Count = 0

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind stands in the event."""
        total: dict[str, int] = {}
        for found in (self.prompt, self.answer, self.elsewhere):
            for kind, count in found.items():
                total[kind] = total.get(kind, 0) + count
        return dict(sorted(total.items()))
