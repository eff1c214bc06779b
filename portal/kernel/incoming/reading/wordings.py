"""What mail programs write around the words of people, in many languages, as pieces of patterns (case does not matter)."""


def either(*groups: tuple[str, ...]) -> str:
    """A pattern that any of the pieces fits."""
    return "|".join(piece for group in groups for piece in group)


ORIGINAL = (
    *("original message", "original appointment", "ursprüngliche nachricht", "ursprüngliche mail", "originalnachricht"),
    *("message d['’]origine", "message original", "mensaje original", "mensagem original", "messaggio originale"),
    *("oorspronkelijk bericht", "origineel bericht", "ursprungligt meddelande", "originalmeddelande", "opprinnelig melding"),
    *("oprindelig (?:meddelelse|besked)", "alkuperäinen viesti", "wiadomość oryginalna", "oryginalna wiadomość", "původní zpráva"),
    *("eredeti üzenet", "özgün ileti", "orijinal mesaj", "元のメッセージ", "原始邮件", "原始郵件"),
)
FORWARDED = (
    *("forwarded message", "begin forwarded message", "weitergeleitete nachricht", "message transféré", "mensaje reenviado"),
    *("mensagem encaminhada", "messaggio inoltrato", "doorgestuurd bericht", "vidarebefordrat meddelande"),
    *("videresendt (?:melding|meddelelse|besked)", "välitetty viesti", "przekazana wiadomość", "přeposlaná zpráva"),
    *("továbbított üzenet", "iletilen mesaj", "転送メッセージ", "转发的邮件"),
)
FORWARD_BEGINS = (
    *("begin forwarded message", "anfang der weitergeleiteten nachricht", "début du message (?:transféré|réexpédié)"),
    *("inicio del mensaje reenviado", "inizio messaggio inoltrato", "begin doorgestuurd bericht"),
)
FORWARD_SUBJECTS = ("fwd?", "fw", "wg", "tr", "rv", "enc", "vb", "vl", "pd", "továbbítás", "ilt", "转发", "轉寄", "doorst", "i", "vs")
REPLY_SUBJECTS = ("re", "aw", "antw", "antwort", "réf", "rép", "rif", "res", "sv", "vá", "odp", "ynt", "回复", "回覆", "答复")
FROM = (
    "from",
    "von",
    "de",
    "da",
    "van",
    "från",
    "fra",
    "lähettäjä",
    "od",
    "feladó",
    "kimden",
    "de la",
    "от",
    "від",
    "από",
    "보낸 사람",
    "מאת",
    "差出人",
    "发件人",
    "寄件者",
    "寄件人",
)
SUBJECT = (
    "subject",
    "betreff",
    "objet",
    "asunto",
    "assunto",
    "oggetto",
    "onderwerp",
    "ämne",
    "emne",
    "aihe",
    "temat",
    "předmět",
    "tárgy",
    "konu",
    "件名",
    "主题",
    "主旨",
    *("subiect", "тема", "θέμα", "제목", "predmet", "נושא"),
)
OTHER_HEADERS = (
    *("sent", "date", "to", "cc", "gesendet", "datum", "an", "envoyé", "à", "enviado", "enviada", "fecha", "para", "data", "inviato", "a"),
    *("verzonden", "aan", "skickat", "till", "sendt", "til", "dato", "lähetetty", "päiväys", "vastaanottaja", "wysłano", "do", "odesláno", "komu"),
    *("elküldve", "dátum", "címzett", "gönderilen", "gönderildi", "tarih", "kime", "kopie", "kopia", "kopi"),
    *("trimis", "către", "data", "отправлено", "дата", "кому", "копия", "надіслано", "копія", "στάλθηκε", "ημερομηνία", "προς", "κοιν"),
    *("보낸 날짜", "받는 사람", "참조", "odoslané", "dátum", "kópia", "נשלח", "תאריך", "אל", "עותק", "enviado el", "enviada em"),
    *("送信日時", "日時", "宛先", "发送时间", "日期", "收件人", "寄件日期", "收件者"),
)
ATTRIBUTION_OPENS = ("on", "am", "le", "el", "em", "il", "op", "den", "på", "w dniu", "dne", "dnia", "om", "the", "at", "a", "ma")
WROTE = (
    *("wrote", "writes", "schrieb(?: [^:]{1,120})?", "a écrit", "écrivait", "escribió", "escreveu", "ha scritto", "schreef(?: [^:]{1,80})?"),
    *("skrev(?: [^:]{1,80})?", "kirjoitti", r"napisał(?:\(a\)|a)?", "pisze", r"napsal(?:\(a\)|a)?", r"írta(?: \(.{1,80}\))?", "yazdı", "şunu yazdı"),
    *("heeft .{1,80} het volgende geschreven", r"napísal(?:\(a\)|a)?", "a scris", r"написав(?:\(ла\)|ла)?", r"написал(?:\(а\)|а)?", "пишет", "пише", "έγραψε"),
    *(r"(?:wiadomość|wiadomości) napisana przez .{1,120} \d\d?[:.]\d\d", "さんは書きました", "님이 (?:작성|썼)[^:]{0,20}", "のメール", "写道", "寫道"),
)
DEVICE = (
    *("sent from (?:my|outlook|yahoo|mail|a |samsung|proton)", "get outlook for", "sent via "),
    *("von meinem .{1,40} gesendet", "gesendet (?:von|mit|aus) ", "outlook für .{1,40} (?:herunterladen|beziehen|abrufen)"),
    *("envoyé (?:de|depuis) mon", "envoyé à partir", "télécharger outlook", "enviado desde", "enviado do meu", "obtener outlook", "obter o outlook"),
    *("inviato da(?:l mio)? ", "scarica outlook", "verstuurd vanaf", "verzonden vanaf", "outlook voor .{1,40} downloaden"),
    *("skickat från min", "skickades från", "hämta outlook", "sendt fra min", "hent outlook", "lähetetty .{1,40}(?:stani|sta)$"),
    *("wysłane z ", "wysłano z ", "odesláno z ", "küldve az ", "elküldve .{1,40}(?:ról|ről|omról)"),
    *(".{1,40}(?:ımdan|umdan|imdan|ümden|imden) gönderildi", "iphone(?:から|で)送信", "从我的", "發自我的", "发自我的"),
)
NOTICE = (
    *("confidentiality notice", r"disclaimer\s*:?\s*$", "please consider the environment", "think before you print"),
    "this (?:e-?mail|message)[^.]{0,80}(?:confidential|intended|privileged|attachments)",
    "the information (?:contained )?in this (?:e-?mail|message)",
    *("diese (?:e-?mail|nachricht)[^.]{0,80}(?:vertraulich|bestimmt)", "bitte denken sie an die umwelt"),
    "ce (?:message|courriel|mail)[^.]{0,80}(?:confidentiel|destiné)",
    "este (?:mensaje|correo|e-?mail|mensagem)[^.]{0,80}(?:confidencial|destin)",
    "(?:questo|il presente) (?:messaggio|e-?mail)[^.]{0,80}(?:riservat|confidenzial|destinat)",
    "dit (?:bericht|e-?mail)[^.]{0,80}(?:vertrouwelijk|bestemd)",
    "detta (?:meddelande|e-?post)[^.]{0,80}konfident",
)
ANSWERING_SUBJECTS = (
    *(
        "automatic reply",
        "auto(?:matic)? ?-?reply",
        "auto ?-?response",
        "autoreply",
        "out of (?:the )?office auto ?-?reply",
        "auto: .{1,80} is out of the office",
    ),
    *("automatische antwort", "réponse automatique", "respuesta automática", "resposta automática", "risposta automatica", "automatisch antwoord"),
    *(
        "automatiskt? svar",
        "autosvar",
        "automaattinen vastaus",
        "odpowiedź automatyczna",
        "automatyczna odpowiedź",
        "automatická odpověď",
        "automatická odpoveď",
    ),
    *("automatikus válasz", "otomatik yanıt", "răspuns automat", "автоматический ответ", "автоматична відповідь", "αυτόματη απάντηση", "תשובה אוטומטית"),
    *("자동 회신", "自動返信", "自動応答", "自动(?:回|答)复", "自動(?:回覆|答覆)"),
)
"""How the subject of an automatic answer begins that no person would write."""
AWAY_SUBJECTS = (
    *("out of (?:the )?office", r"ooo\b:?", "away from (?:the |my )?office", "i am (?:currently )?(?:away|out of)"),
    *("abwesenheitsnotiz", "abwesend", "abwesenheit", "nicht im (?:büro|haus)", "außer haus", "absence du bureau", "absent du bureau"),
    *("fuera de (?:la )?oficina", "ausência", "fora do escritório", "fuori (?:sede|ufficio)", "afwezig(?:heid)?\\b", "frånvaro", "fravær"),
    *("ikke på kontoret", "poissaolo", "nieobecność"),
)
"""How the subject of one may begin, and that of somebody who tells of an absence of their own."""
BOUNCE_SUBJECTS = (
    *(
        "undeliver(?:ed|able)",
        "delivery (?:status notification|failure|has failed|report|notification)",
        "mail delivery (?:failed|failure|system)",
        "failure notice",
    ),
    *("returned mail", "message not delivered", "mail system error", "warning: (?:could not send|message delayed)", "delivery delayed", "unzustellbar"),
    *(
        "nicht zustellbar",
        "zustellung fehlgeschlagen",
        "non remis",
        "échec de (?:la )?remise",
        "no se puede entregar",
        "mancato recapito",
        "onbestelbaar",
        "delivery failure",
    ),
)
RECEIPT_SUBJECTS = (
    *(
        "read: ",
        "gelesen: ",
        "lu(?:e)?\xa0?: ",
        "leído: ",
        "lida: ",
        "letto: ",
        "gelezen: ",
        "läst: ",
        "lest: ",
        "læst: ",
        "not read: ",
        "ungelesen gelöscht: ",
        "not read: ",
    ),
    *(
        "return receipt",
        "read receipt",
        "lesebestätigung",
        "accusé de (?:lecture|réception)",
        "confirmación de lectura",
        "conferma di lettura",
        "leesbevestiging",
    ),
)
