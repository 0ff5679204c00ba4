package transform

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/ticketetl/ticketetl/internal/schema"
)

// synonyms are what the columns of well-known help-desks call the default
// ticket properties, in plain form (see plainWords), parted by commas.
var synonyms = map[string]string{
	"subject": "subject,title,summary,ticket subject,ticket title,short description,issue title,request subject,topic," +
		"assunto,titulo,resumo,nome do ticket,nombre del ticket,ticketname,nom du ticket,betreff,titel,sujet,objet,titre,asunto,件名,タイトル,标题,主题,標題,제목,oggetto,titolo,onderwerp,temat,tytuł,předmět,název,tárgy,konu,başlık,ämne,rubrik,emne,aihe,otsikko,тема,заголовок,theme,الموضوع,العنوان,נושא,หัวข้อ,subiect,naslov",
	"content": "description,details,body,content,message,comment,first comment,issue description,detailed description," +
		"contents,extract,initial message body,first message,initial message,conversation," +
		"descricao,mensagem,detalhes,beschreibung,nachricht,descripcion,mensaje,descriptif,descricao do ticket,descripcion del ticket,artikel text,comentarios,内容,説明,本文,描述,内容描述,說明,설명,내용,descrizione,messaggio,omschrijving,beschrijving,bericht,opis,treść,popis,leírás,açıklama,mesaj,beskrivning,meddelande,beskrivelse,kuvaus,viesti,описание,опис,сообщение,الوصف,الرسالة,תיאור,รายละเอียด,descriere",
	"hs_pipeline": "pipeline,ticket pipeline,queue,fila,funil",
	"hs_pipeline_stage": "status,state,stage,ticket status,issue status,current status,pipeline stage,incident state,request status,case status,conversation status,current conversation state,conversation state,estado,situacao,etapa,fase,statut,etat," +
		"status do ticket,estado del ticket,ticketstatus,状態,ステータス,状态,狀態,상태,stato,stav,állapot,durum,tila,статус,الحالة,סטטוס,สถานะ,stare",
	"hs_ticket_priority": "priority,ticket priority,issue priority,urgency,severity," +
		"prioridade,prioritat,prioridad,priorite,urgencia,gravidade,優先度,優先順位,优先级,优先度,優先級,우선순위,priorità,prioriteit,priorytet,priorita,prioritás,öncelik,prioritet,prioriteetti,приоритет,пріоритет,важность,الأولوية,עדיפות,ความสำคัญ,prioritate",
	"hs_ticket_category": "category,ticket category,issue type,ticket type,type,tags,labels," +
		"categoria,tipo,etiquetas,marcadores,kategorie,typ,categorie,kategoria,kategória,kategori,categorie,カテゴリ,カテゴリー,类别,分类,분류,категория,категорія,тип,الفئة,סוג",
	"hubspot_owner_id": "assignee,owner,agent,assigned to,assigned agent,ticket owner,assignee email,assignee e mail,assignee name,agent name," +
		"technician,case owner,teammate assigned,teammate,assigned teammate,assignee user,request owner," +
		"responsavel,responsavel e mail,e mail do responsavel,atendente,agente,proprietario,proprietario do ticket,propietario del ticket,ticketinhaber,bearbeiter,besitzer,zugewiesen an,asignado a,responsable,assigne a,attribue a,attribue a technicien,technicien,agent assigned,担当者,负责人,处理人,受理人,담당자,assegnatario,assegnato a,operatore,behandelaar,toegewezen aan,przypisany do,właściciel,opiekun,řešitel,přiřazeno,felelős,atanan,sorumlu,temsilci,handläggare,tilldelad,ansvarlig,sagsbehandler,vastuuhenkilö,исполнитель,ответственный,відповідальний,المسؤول,מטפל",
	"createdate": "created,created at,created on,created date,create date,creation date,date created,opened,opened at,created time,ticket created at,conversation started at,conversation started at utc,created datetime,created date time,datetime opened,date time opened,date opened,opened date,started at," +
		"criado em,data de criacao,data de abertura,aberto em,criacao,abertura,erstellt,erstellt am,fecha de creacion,fecha alta,fecha de alta,creado,cree le,date de creation,date d ouverture,ticket created timestamp,erstellungsdatum,受付日時,作成日,作成日時,登録日,创建时间,创建日期,提交时间,建立時間,생성일,등록일,requested,requested at,data di creazione,creato il,aanmaakdatum,aangemaakt op,gemaakt op,data utworzenia,utworzono,datum vytvoření,vytvořeno,létrehozva,létrehozás dátuma,oluşturulma tarihi,oluşturma tarihi,skapad,skapat datum,oprettet,opprettet,oprettelsesdato,luotu,luontipäivä,дата создания,создано,дата створення,створено,تاريخ الإنشاء,תאריך יצירה,วันที่สร้าง,data crearii",
	"closed_date": "closed,closed at,closed on,close date,closed date,closed time,resolved,resolved at,resolved time,resolution date,solved at,ticket solved at,closed datetime,date time closed,date closed,completed time,resolved datetime," +
		"fechado em,data de fechamento,encerrado em,resolvido em,fechamento,geschlossen,geschlossen am,gelost am,fecha de cierre,fecha cierre,cerrado,ferme le,date de cloture,date de fermeture,ticket solved timestamp,abschlussdatum,完了日,解決日,クローズ日,关闭时间,解决时间,完成时间,완료일,solved,data di chiusura,chiuso il,gesloten op,sluitingsdatum,data zamknięcia,zamknięto,datum uzavření,uzavřeno,lezárva,kapanış tarihi,stängd,lukket,lukkedato,suljettu,дата закрытия,закрыто,дата решения,дата закриття,تاريخ الإغلاق,תאריך סגירה",
	"source_type":   "channel,source,via,ticket channel,contact type,canal,origem,kanal,origen",
	"hs_resolution": "resolution,resolucao,losung,resolucion",
}

// Columns that say which ticket a row is, whom it comes from, and for which
// company.
const (
	keySynonyms = "id,ticket id,key,issue key,record id,url,number,ticket number,case number,issue id,incident number,ticket,case id,external id,reference," +
		"numero,no,nr,no do chamado,no do ticket,numero do chamado,numero do ticket,chamado,protocolo,ticket nr,#,issue,conversation id,request id,受付番号,チケット番号,お問い合わせ番号,番号,ticket no,case no,num,numero de ticket,numero de caso,numero de solicitud,identifiant,reference du ticket,vorgangsnummer,vorgang,fallnummer,anfrage nr,ticketnummer,nummer,id do ticket,codigo,ticketnr,n du ticket,n ticket,n de ticket,num ticket,numero ticket,numero du ticket,numero di ticket,工单编号,工单号,编号,案件番号,管理番号,單號,번호,티켓 번호,nr zgłoszenia,numer zgłoszenia,numer,číslo tiketu,číslo požadavku,číslo,jegyszám,azonosító,talep no,talep numarası,bilet no,ärendenummer,ärende,sagsnummer,saksnummer,sak nr,tiketti,numero asiakaspalvelupyynto,номер,номер заявки,номер обращения,номер тикета,№,رقم التذكرة,الرقم,מספר פנייה,หมายเลข,ticketnummer intern"
	contactSynonyms = "requester email,caller id email,email,e mail,requester e mail,requester,reporter email,reporter,contact email,customer email,contact,from," +
		"email do solicitante,e mail do solicitante,solicitante,email do cliente,e mail do cliente,cliente email,kunde e mail,correo,correo electronico,correo del solicitante,correo cliente,correo del cliente,from email,adresse e mail du demandeur,e mail du demandeur,email du demandeur,email client,e mail client,e mail adresse,kunden e mail,email richiedente,email cliente,e mail aanvrager,e mail zgłaszającego,e mail klienta,メールアドレス,依頼者メール,邮箱,客户邮箱,이메일,электронная почта,почта,البريد الإلكتروني,דואל"
	companySynonyms = "domain,company domain,company domains,requester domain,organization domain,organization domains,website,company,account,dominio,dominio da empresa,empresa,domane,firma"
)

// nobody is what stands in a cell where there is no owner, or nothing chosen, in plain
// form.
const nobody = "--,---,null,(none),not set,not specified,keine,keine angabe,ninguna,no aplica,nao se aplica,не назначен,нет,anyone,no agent,none,nobody,unassigned,not assigned,no owner,no assignee,n a,-,nicht zugewiesen,niemand,kein,keiner,non assigne,aucun,personne,sin asignar,ninguno,nadie,no asignado," +
	"sem responsavel,nao atribuido,nenhum,non assegnato,nessuno,niet toegewezen,geen,nieprzypisane,brak,未割り当て,未割当,未分配,無,なし"

// plainChoices are the choices by their names in plain form, which takes marks off
// letters of other alphabets too.
var plainChoices = sync.OnceValue(func() map[string]string {
	plain := map[string]string{}
	for name, choice := range choices {
		plain[plainWords(name)] = choice
	}
	return plain
})

// choices are what help-desks call priorities, stages and channels. They are drafted
// with a doubt.
var choices = map[string]string{
	"low": "Low", "med": "Medium", "baixa": "Low", "niedrig": "Low", "baja": "Low", "basse": "Low", "minor": "Low", "trivial": "Low", "p4": "Low",
	"medium": "Medium", "normal": "Medium", "media": "Medium", "mittel": "Medium", "moyenne": "Medium", "moderate": "Medium", "planning": "Low", "lowest": "Low", "p3": "Medium",
	"high": "High", "alta": "High", "hoch": "High", "haute": "High", "major": "High", "p2": "High",
	"urgent": "Urgent", "urgente": "Urgent", "critical": "Urgent", "critica": "Urgent", "dringend": "Urgent", "blocker": "Urgent", "highest": "Urgent", "p1": "Urgent",
	"open": "New", "novo": "New", "aberto": "New", "offen": "New", "neu": "New", "to do": "New", "abierto": "New",
	"pending": "Waiting on contact", "on hold": "Waiting on contact", "hold": "Waiting on us", "in progress": "Waiting on us", "pendente": "Waiting on contact", "em andamento": "Waiting on us",
	"waiting for customer": "Waiting on contact", "aguardando cliente": "Waiting on contact", "waiting for support": "Waiting on us",
	"clos": "Closed", "resolu": "Closed", "nouveau": "New", "en attente": "Waiting on contact", "en curso": "Waiting on us", "abierta": "New",
	"erfolgreich geschlossen": "Closed", "erfolglos geschlossen": "Closed", "aguardando interno": "Waiting on us", "em atendimento": "Waiting on us", "encerrado": "Closed",
	"closed": "Closed", "solved": "Closed", "resolved": "Closed", "done": "Closed", "fechado": "Closed", "resolvido": "Closed", "geschlossen": "Closed", "cerrado": "Closed",
	"sehr niedrig": "Low", "gering": "Low", "sehr gering": "Low", "faible": "Low", "tres basse": "Low", "tres faible": "Low", "muy baja": "Low", "bajo": "Low", "baixo": "Low", "低": "Low", "低い": "Low",
	"mittlere": "Medium", "moyen": "Medium", "normale": "Medium", "medio": "Medium", "standard": "Medium", "中": "Medium", "普通": "Medium", "通常": "Medium",
	"eleve": "High", "elevee": "High", "haut": "High", "alto": "High", "wichtig": "High", "important": "High", "importante": "High", "高": "High", "高い": "High",
	"sehr hoch": "Urgent", "tres haute": "Urgent", "tres elevee": "Urgent", "muy alta": "Urgent", "muito alta": "Urgent", "very high": "Urgent", "kritisch": "Urgent", "critique": "Urgent", "critico": "Urgent", "urgentissime": "Urgent", "majeure": "Urgent", "緊急": "Urgent", "至急": "Urgent", "最高": "Urgent",
	"phone call incoming": "Phone", "phone call outgoing": "Phone", "phone call": "Phone", "voice": "Phone", "voicemail": "Phone", "telefon": "Phone", "telefone": "Phone", "telephone": "Phone", "telefono": "Phone", "telefonisch": "Phone", "ligacao": "Phone", "llamada": "Phone", "電話": "Phone", "电话": "Phone",
	"mail": "Email", "e mail": "Email", "correo": "Email", "correo electronico": "Email", "courriel": "Email", "メール": "Email", "邮件": "Email",
	"web form": "Form", "webform": "Form", "web": "Form", "portal": "Form", "web portal": "Form", "feedback widget": "Form", "web widget": "Form", "web widget classic": "Form", "self service": "Form", "self service portal": "Form", "kontaktformular": "Form", "formular": "Form", "webformular": "Form", "formulaire": "Form", "formulario": "Form", "formulario web": "Form", "formulaire web": "Form", "フォーム": "Form",
	"bug": "Product issue", "incident": "Product issue", "problem": "Product issue", "storung": "Product issue", "fehler": "Product issue", "software": "Product issue", "hardware": "Product issue", "network": "Product issue", "database": "Product issue", "question": "General inquiry", "task": "General inquiry", "service request": "General inquiry", "inquiry": "General inquiry", "inquiry help": "General inquiry", "frage": "General inquiry", "pregunta": "General inquiry", "duvida": "General inquiry",
	"new feature": "Feature request", "enhancement": "Feature request", "improvement": "Feature request", "story": "Feature request", "refund": "Billing issue", "billing": "Billing issue", "invoice": "Billing issue", "outbound email": "Email", "virtual agent": "Chat",
	"live chat": "Chat", "messaging": "Chat", "native messaging": "Chat", "messenger": "Chat", "チャット": "Chat", "whats app": "WhatsApp",
	"aguardando contato": "Waiting on contact", "aguardando nos": "Waiting on us", "warten auf kontakt": "Waiting on contact", "warten auf uns": "Waiting on us", "wartet auf uns": "Waiting on us", "en attente du contact": "Waiting on contact", "en attente de nous": "Waiting on us", "en attente de notre part": "Waiting on us",
	"esperando al contacto": "Waiting on contact", "esperando contacto": "Waiting on contact", "esperando por nosotros": "Waiting on us", "in attesa del contatto": "Waiting on contact", "in attesa di noi": "Waiting on us", "wachten op contact": "Waiting on contact", "wachten op ons": "Waiting on us", "chiuso": "Closed", "gesloten": "Closed", "zamkniete": "Closed", "nuovo": "New", "nieuw": "New", "aperto": "New", "nowe": "New", "otwarte": "New",
	"zamkniety": "Closed", "nowy": "New", "otwarty": "New", "w toku": "Waiting on us", "oczekujace": "Waiting on contact", "закрыт": "Closed", "закрыто": "Closed", "решен": "Closed", "решено": "Closed", "новыи": "New", "новая": "New", "открыт": "New", "открыто": "New", "в работе": "Waiting on us", "ожидание": "Waiting on contact", "在处理": "Waiting on us", "处理中": "Waiting on us", "已解决": "Closed", "已关闭": "Closed", "新建": "New", "待处理": "New",
	"wysoki": "High", "niski": "Low", "sredni": "Medium", "krytyczny": "Urgent", "pilny": "Urgent", "высокии": "High", "низкии": "Low", "среднии": "Medium", "критическии": "Urgent", "срочно": "Urgent", "紧急": "Urgent", "bassa": "Low", "basso": "Low", "laag": "Low", "hoog": "High", "gemiddeld": "Medium", "عالية": "High", "منخفضة": "Low", "متوسطة": "Medium", "عاجلة": "Urgent", "مفتوح": "New", "مغلق": "Closed", "جديد": "New",
	"açık": "New", "kapalı": "Closed", "çözüldü": "Closed", "beklemede": "Waiting on contact", "yeni": "New", "yüksek": "High", "düşük": "Low", "orta": "Medium", "acil": "Urgent",
	"in behandeling": "Waiting on us", "opgelost": "Closed", "wachtend": "Waiting on contact", "normaal": "Medium", "in corso": "Waiting on us", "risolto": "Closed", "in attesa": "Waiting on contact",
	"otevřený": "New", "otevřeno": "New", "nový": "New", "vyřešeno": "Closed", "uzavřeno": "Closed", "probíhá": "Waiting on us", "vysoká": "High", "nízká": "Low", "střední": "Medium",
	"öppen": "New", "stängd": "Closed", "löst": "Closed", "pågående": "Waiting on us", "hög": "High", "låg": "Low", "åben": "New", "åpen": "New", "lukket": "Closed", "løst": "Closed", "høj": "High", "høy": "High", "lav": "Low", "middel": "Medium", "active": "Waiting on us",
	"열림": "New", "닫힘": "Closed", "진행 중": "Waiting on us", "해결됨": "Closed", "높음": "High", "낮음": "Low", "보통": "Medium", "긴급": "Urgent",
	"very low": "Low", "moderee": "Medium", "mineure": "Low",
	"nueva": "New", "nuevo": "New", "nouvelle": "New", "ouvert": "New", "ouverte": "New", "aberta": "New", "nova": "New", "unassigned": "New", "reopened": "New", "wiedereroffnet": "New", "new open": "New", "not started": "New", "未対応": "New", "新規": "New", "受付": "New", "未着手": "New",
	"en cours": "Waiting on us", "en proceso": "Waiting on us", "en progreso": "Waiting on us", "in bearbeitung": "Waiting on us", "in arbeit": "Waiting on us", "zugewiesen": "Waiting on us", "assigned": "Waiting on us", "working": "Waiting on us", "escalated": "Waiting on us", "asignado": "Waiting on us", "en traitement": "Waiting on us", "対応中": "Waiting on us", "処理中": "Waiting on us", "waiting on agent": "Waiting on us", "em progresso": "Waiting on us",
	"wartend": "Waiting on contact", "warten auf kunde": "Waiting on contact", "wartet auf kunde": "Waiting on contact", "warten auf ruckmeldung": "Waiting on contact", "pendiente": "Waiting on contact", "en espera": "Waiting on contact", "esperando al cliente": "Waiting on contact", "en attente du client": "Waiting on contact", "en attente client": "Waiting on contact", "snoozed": "Waiting on contact", "onhold": "Waiting on contact", "waiting on customer": "Waiting on contact", "waiting on third party": "Waiting on us", "awaiting reply": "Waiting on contact", "保留": "Waiting on contact", "返信待ち": "Waiting on contact", "回答待ち": "Waiting on contact",
	"ferme": "Closed", "fermee": "Closed", "cloture": "Closed", "cloturee": "Closed", "close": "Closed", "resolue": "Closed", "gelost": "Closed", "erledigt": "Closed", "abgeschlossen": "Closed", "cerrada": "Closed", "resuelto": "Closed", "resuelta": "Closed", "encerrada": "Closed", "fechada": "Closed", "concluido": "Closed", "archived": "Closed", "completed": "Closed", "解決済み": "Closed", "解決済": "Closed", "完了": "Closed", "クローズ": "Closed", "対応済み": "Closed",
}

// plainWords is a name without case, accents and signs: "Data/Criação" is
// "data criacao", and "createdAt" is "created at".
func plainWords(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(schema.Fold(parted(name))) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	words := strings.Join(strings.Fields(b.String()), " ")
	if words == "" {
		return strings.TrimSpace(name) // "#"
	}
	return words
}

// parted puts a blank where a capital follows a small letter.
func parted(name string) string {
	var b strings.Builder
	small := false
	for _, r := range name {
		if small && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return b.String()
}

// isOneOf says whether name is in a list parted by commas.
func isOneOf(name, list string) bool {
	return name != "" && strings.Contains(","+list+",", ","+name+",")
}
