package extract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/ticketetl/ticketetl/etl/extract"
)

// westernTexts are what tickets say in the languages that windows-1252 is for.
var westernTexts = map[string]string{
	"pt":  "Impressora não funciona após a atualização;Olá, o usuário está sem acesso à conexão do 3º andar. As configurações já foram revisadas; às 14h não havia técnico. Informações: função, três, você, manhã, irmãs, põe, ações, caçá-lo, Sr.ª Conceição, nº 12 – “urgente”… R$ 1.200,00 · 50 m² ± 5°C, ½ dia",
	"de":  "Drucker läuft nicht;Größere Störung im Gebäude, Straße 5: „Bitte prüfen“ – über 100 € Schaden. Führt zu Verzögerungen, Rückmeldung spätestens nächste Woche. Übermäßig, grüßen, Ärger, Öl, ÜBERPRÜFUNG, § 5 Abs. 2, 20 °C, Müller & Söhne®",
	"fr":  "L’imprimante réseau est coupée;Bonjour, le problème a été signalé à l’équipe : « dès que possible » … où ça ? Théâtre, créée, œuvre, cœur, naïf, août, maître, déjà, Noël, n°12, 50 €, État, À bientôt – société™, reçu, forêt, hôpital, sûr",
	"es":  "La impresora no funciona;¿Qué pasó? ¡Atención! El usuario reportó un daño en la máquina del año pasado; el señor Muñoz pidió información técnica, también lingüística, así, mañana, última, compañía, riñó, 2ª planta, nº 5, €",
	"it":  "La stampante non è più raggiungibile;Perché? L’attività è già così: lunedì e venerdì c’è un guasto; città, può, verrà, gioventù, perciò, È urgente, qualità – 10 €",
	"sv":  "Skrivaren fungerar inte;Hej, användaren får inte åtkomst; försök igen på måndag. Även större ärenden är försenade; Åke, Örebro, Ängelholm, idé, kön, rör, många, överföring, ”snabbt”",
	"nl":  "De printer werkt niet;Geachte collega, de coördinatie is geïnstalleerd; één storing, privé, financiële gegevens, ruïne, reünie, daarvóór, hè, enquête – € 50, Belgïe, café",
	"da":  "Printeren virker ikke;Hej, brugeren kan ikke få adgang; forsøg på ny på lørdag. Ændringer gør det værre, måske også større; Århus, Ørsted, Ærø, idé, én, æble, køøl, på",
	"fi":  "Tulostin ei toimi;Hei, käyttäjä ei pääse järjestelmään; yhteys katkesi tänään. Sähköposti ei lähde, työtä häiritsee vikatila, näyttö pimeä, Åbo, Äänekoski, hyvä, myöhään, päivitys, ääni, yö",
	"few": "Printer;the café on floor 3 is closed, and nothing else is to be said of it",
	"one": "Note;it costs 5 €",
	"nbs": "Note;two\u00a0words, and  “quotes” – a dash…",
}

// capitals is text in capitals, as far as windows-1252 has them.
func capitals(text string) string {
	var out strings.Builder
	for _, r := range text {
		upper := strings.ToUpper(string(r))
		if _, err := charmap.Windows1252.NewEncoder().String(upper); err != nil {
			upper = string(r)
		}
		out.WriteString(upper)
	}
	return out.String()
}

func TestWesternTextIsRead(t *testing.T) {
	t.Parallel()
	for name, text := range westernTexts {
		for _, text := range []string{text, capitals(text)} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				in, err := charmap.Windows1252.NewEncoder().String("id;subject;text\r\n1;" + text + "\r\n")
				require.NoError(t, err)
				f := open(t, write(t, "in.csv", in), extract.Options{Delimiter: "|"})
				require.Equal(t, "windows-1252", f.Info().Encoding)
			})
		}
	}
}

// foreign are texts in charsets that any byte fits, and that are not
// windows-1252.
var foreign = []struct {
	name, text string
	enc        encoding.Encoding
	likely     string // a candidate that the message must name; none if empty
}{
	{"windows-1250", "Zażółć gęślą jaźń", charmap.Windows1250, "windows-1250"},
	{"windows-1250", "Drukarka nie działa od wczoraj, proszę o pilną pomoc", charmap.Windows1250, "windows-1250"},
	{"windows-1250", "Příliš žluťoučký kůň úpěl ďábelské ódy", charmap.Windows1250, "windows-1250"},
	{"windows-1250", "Tiskárna v přízemí nefunguje, prosím o rychlé řešení. Děkuji, zítra nebudu v kanceláři", charmap.Windows1250, "windows-1250"},
	{"windows-1250", "A nyomtató nem működik, kérem a hálózati kapcsolat ellenőrzését. Előre is köszönöm, később hívjon", charmap.Windows1250, "windows-1250"},
	{"iso-8859-2", "Zażółć gęślą jaźń", charmap.ISO8859_2, "iso-8859-2"},
	{"windows-1251", "Не работает принтер", charmap.Windows1251, "windows-1251"},
	{"koi8-r", "Срочно", charmap.KOI8R, "koi8-r"},
	{"ibm866", "Не работает принтер", charmap.CodePage866, "ibm866"},
	{"windows-1250", "A készülék a hálózaton nem található, a beállítások megfelelőek. Kérem a segítségüket, köszönöm szépen", charmap.Windows1250, "windows-1250"},
	{"windows-1250", "Imprimanta nu funcţionează, a apărut o eroare după actualizare. Vă rog să verificaţi", charmap.Windows1250, "windows-1250"},
	{"windows-1250", "Tiskalnik ne deluje že od včeraj, računalnik pa sporoča napako", charmap.Windows1250, "windows-1250"},
	{"macintosh", "No hay conexión ni opción de impresión", charmap.Macintosh, "macintosh"},
	{"windows-1254", "Giriş yapılamıyor", charmap.Windows1254, "windows-1254"},
	{"windows-1254", "Yazıcı çalışmıyor, lütfen en kısa sürede dönüş yapın", charmap.Windows1254, "windows-1254"},
	{"windows-1255", "המדפסת לא עובדת", charmap.Windows1255, "windows-1255"},
	{"windows-1256", "لا أستطيع", charmap.Windows1256, "windows-1256"},
	{"windows-1257", "Spausdintuvas neveikia, prašome kuo greičiau pataisyti, užsakymų nėra", charmap.Windows1257, "windows-1257"},
	{"iso-8859-15", "Prix 10 €", charmap.ISO8859_15, ""},
	{"iso-8859-15", "Le cœur coûte 10 € à l'été", charmap.ISO8859_15, "iso-8859-15"},
	{"macintosh", "réseau coupé", charmap.Macintosh, "macintosh"},
	{"macintosh", "Die Tür lässt sich nicht öffnen", charmap.Macintosh, "macintosh"},
	{"macintosh", "A conexão não está disponível", charmap.Macintosh, "macintosh"},
	{"ibm850", "Não há conexão", charmap.CodePage850, "ibm850"},
	{"ibm850", "Der Drucker läuft nicht, bitte prüfen", charmap.CodePage850, "ibm850"},
	{"shift_jis", "ﾃｽﾄ", japanese.ShiftJIS, "shift_jis"},
	{"shift_jis", "プリンターが印刷できない", japanese.ShiftJIS, "shift_jis"},
	{"euc-jp", "表示できない", japanese.EUCJP, "euc-jp"},
	{"gb18030", "无法登录", simplifiedchinese.GBK, "gb18030"},
	{"big5", "無法登入", traditionalchinese.Big5, "big5"},
	{"euc-kr", "로그인 불가", korean.EUCKR, "euc-kr"},
}

func TestForeignCharsetIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range foreign {
		t.Run(tt.name+" "+tt.text, func(t *testing.T) {
			t.Parallel()
			text, err := tt.enc.NewEncoder().String(tt.text)
			require.NoError(t, err)
			_, err = extract.Open(write(t, "in.csv", "Id,Subject,Status\r\n1,"+text+",Open\r\n"), extract.Options{})
			require.ErrorContains(t, err, ": the encoding cannot be told: ")
			require.ErrorContains(t, err, "state the file's encoding (source.encoding or --encoding), ")
			_, named, _ := strings.Cut(err.Error(), ", likely ")
			require.Contains(t, named, tt.likely)
		})
	}
}

// telling are texts long enough for their charset to be told.
var telling = []struct {
	name, text string
	enc        encoding.Encoding
}{
	{"shift_jis", "プリンターが印刷できない。昨日から管理画面にログインできません", japanese.ShiftJIS},
	{"euc-jp", "プリンターが印刷できない。昨日から管理画面にログインできません", japanese.EUCJP},
	{"gb18030", "打印机从昨天开始无法使用，请尽快处理。用户不能登录系统，谢谢", simplifiedchinese.GBK},
	{"big5", "印表機從昨天開始無法使用，請盡快處理。使用者不能登入系統，謝謝", traditionalchinese.Big5},
	{"euc-kr", "어제부터 프린터가 작동하지 않습니다. 빨리 확인해 주세요. 감사합니다", korean.EUCKR},
	{"koi8-r", "Не работает принтер на третьем этаже, пользователь не может войти в систему", charmap.KOI8R},
	{"windows-1251", "Не работает принтер на третьем этаже, пользователь не может войти в систему", charmap.Windows1251},
	{"iso-8859-5", "Не работает принтер на третьем этаже, пользователь не может войти в систему", charmap.ISO8859_5},
	{"ibm866", "Не работает принтер на третьем этаже, пользователь не может войти в систему", charmap.CodePage866},
	{"windows-1253", "Δεν λειτουργεί ο εκτυπωτής", charmap.Windows1253},
	{"windows-874", "เครื่องพิมพ์ไม่ทำงาน", charmap.Windows874},
}

func TestLegacyCharsetIsTold(t *testing.T) {
	t.Parallel()
	for _, tt := range telling {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text, err := tt.enc.NewEncoder().String(tt.text)
			require.NoError(t, err)
			f := open(t, write(t, "in.csv", "Id,Subject,Status\r\n0,plain,Open\r\n1,\""+text+"\",Open\r\n"), extract.Options{})
			require.Equal(t, tt.name, f.Info().Encoding)
			require.Contains(t, f.Info().Notes[0], " in line 3 is not UTF-8, in "+tt.name+" it gives words such as ")
			require.Contains(t, f.Info().Notes[0], "; if letters look wrong, state another (source.encoding or --encoding)")
			require.Equal(t, tt.text, readAll(t, f)[1].Fields[1])
		})
	}
}

func TestRefusedEncoding(t *testing.T) {
	t.Parallel()
	joined := strings.Repeat("1,Résumé\n", 20) + strings.Repeat("2,r\xe9union\n", 80)
	cjk, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().String("題名,状態\n" + strings.Repeat("一二三四五六七八,新規受付\n", 20))
	require.NoError(t, err)
	tests := []struct{ name, in, want string }{
		{"an example and the candidates", "Id,Subject\n1,Za\xbf\xf3\xb3\xe6 g\xea\x9cl\xb9 ja\x9f\xf1\n",
			`the encoding cannot be told: it is not UTF-8, and read as windows-1252 it has words such as "Za¿ó³æ gêœl¹ jaŸñ"; state the file's encoding (source.encoding or --encoding), likely windows-1250`},
		{"a UTF-8 file and a windows-1252 file in one", "id,text\n" + joined,
			`the encoding cannot be told: some letters are UTF-8 (40) and some bytes are not (80, the first is 0xE9 in line 22), as if two files had been joined; save it as UTF-8, or state the file's encoding (source.encoding or --encoding), e.g. windows-1250, windows-1251 or shift_jis`},
		{"iso-2022-jp", "id,text\n1,\x1b$BI=<($G$-$J$$\x1b(B\n",
			"the encoding cannot be told: the file has escape sequences, as iso-2022-jp has; state it (source.encoding or --encoding), or save the file as UTF-8"},
		{"UTF-16 of few zeros", cjk, "the content is not text; save the table as .csv or .xlsx; if it is UTF-16 without a mark, state that (source.encoding: utf-16le)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, "in.csv", tt.in)
			_, err := extract.Open(path, extract.Options{})
			require.ErrorContains(t, err, path+": "+tt.want)
		})
	}
}

func TestDamagedUTF8KeepsItsLetters(t *testing.T) {
	t.Parallel()
	f := open(t, write(t, "in.csv", "id,text\n1,ação\n2,réunião\n3,r\xe9union\n4,r\xe9seau\n"), extract.Options{})
	require.Equal(t, "utf-8", f.Info().Encoding)
	rows := readAll(t, f)
	require.Nil(t, rows[0].Problem)
	require.Equal(t, "ação", rows[0].Fields[1])
	require.Equal(t, "INVALID_ENCODING", rows[2].Problem.Code)
	require.Equal(t, "INVALID_ENCODING", rows[3].Problem.Code)
}

func TestOneZeroByteIsNotUTF16(t *testing.T) {
	t.Parallel()
	f := open(t, write(t, "in.csv", "a,b\n1,x\x00y\n2,z\n"), extract.Options{})
	require.Equal(t, "utf-8", f.Info().Encoding)
	rows := readAll(t, f)
	require.Equal(t, "NUL_BYTE", rows[0].Problem.Code)
	require.Nil(t, rows[1].Problem)
}

func TestControlCharacters(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, stated, want string }{
		{name: "escape", in: "1,a long enough text\x1b[0m", want: "the row holds an escape character (0x1B), as texts in iso-2022-jp do"},
		{name: "vertical tab", in: "1,a\vb", want: "the row holds the control character 0x0B, which no text has"},
		{name: "bell in quotes", in: "1,\"some text, then \a\"", want: "the row holds the control character 0x07, which no text has"},
		{name: "tabs and line breaks are text", in: "1,\"some\ttext\r\nand\nmore\ttext\""},
		{name: "iso-2022-jp that is stated", in: "1,\x1b$BI=<($G$-$J$$\x1b(B", stated: "iso-2022-jp"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := open(t, write(t, "in.csv", "id,text\n"+tt.in+"\n"), extract.Options{Encoding: tt.stated})
			got := readAll(t, f)[0].Problem
			if tt.want == "" {
				require.Nil(t, got)
				return
			}
			require.Equal(t, "INVALID_ENCODING", got.Code)
			require.Equal(t, tt.want, got.Message)
			require.Equal(t, 1, got.Column)
		})
	}
}

// TestFourBytesWithoutMark: UTF-32 is told by its zero bytes, or stated, in any language.
func TestFourBytesWithoutMark(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]utf32.Endianness{"utf-32le": utf32.LittleEndian, "utf-32be": utf32.BigEndian} {
		for _, stated := range []string{"", name} {
			in, err := utf32.UTF32(order, utf32.IgnoreBOM).NewEncoder().String("件名,b\r\n印刷できません😀,\"1\n2\"\r\n")
			require.NoError(t, err)
			f := open(t, write(t, "in.csv", in), extract.Options{Encoding: stated})
			require.Equal(t, name, f.Info().Encoding)
			require.Equal(t, []string{"件名", "b"}, f.Header().Names())
			require.Equal(t, []string{"印刷できません😀", "1\n2"}, readAll(t, f)[0].Fields)
		}
	}
	_, err := extract.Open(write(t, "in.csv", "\x00\x00\x00a\x00\x00\x00\n\x00\x00\x00"), extract.Options{})
	require.ErrorContains(t, err, "the content is not text", "a file that ends within a character")
}
