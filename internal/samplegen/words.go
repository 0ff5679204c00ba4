package samplegen

// A story is what a ticket is about. The subject has one %s, for a place.
type story struct{ product, subject, detail string }

var stories = []story{
	{"Gestão Financeira", "Conciliação bancária não fecha – %s", `O saldo do sistema difere do extrato em R$ 1.240,55; o banco mostra "pendente" para três lançamentos.`},
	{"Folha de Pagamento", "Férias calculadas em dobro (%s)", `O recibo traz duas vezes o terço constitucional; só acontece com quem tem mais de um contrato.`},
	{"Emissão de Notas", "Nota rejeitada pela prefeitura: %s", "Código da rejeição: E0160.\nMensagem: \"Inscrição municipal não habilitada\"."},
	{"Loja Virtual", "Cupom de desconto não é aceito no carrinho – %s", `O cupom "VOLTA10" responde "expirado"; a validade no painel é 31/12.`},
	{"Aplicativo Móvel", "Aplicativo fecha ao abrir a câmera 📱 %s", "1. Abrir o pedido\n2. Tocar em \"Anexar foto\"\n3. O aplicativo fecha sem mensagem 😕"},
	{"Gestão Financeira", "=SOMA() da planilha exportada mostra #NOME? (%s)", "A coluna F vem com =SOMA(F2;F90) em vez do valor; no relatório em PDF está certo."},
	{"Emissão de Notas", "Certificado digital vence amanhã – %s", "Onde envio o arquivo .pfx?\n- o antigo vence às 23:59\n- o novo já foi emitido"},
	{"Loja Virtual", "Frete grátis aplicado a região errada; %s", "Pedidos do Norte saíram com a regra do Sul; foram 14 até agora."},
	{"Folha de Pagamento", "Relatório «13º salário» sai em branco – %s", "O filtro por centro de custo devolve zero linhas; sem filtro o relatório vem completo."},
	{"Aplicativo Móvel", "Notificações chegam com horas de atraso (%s)", "Mensagem enviada às 09:05 chegou às 14:40; o celular estava com rede."},
	{"Gestão Financeira", "Acesso à API devolve 403 – %s", "GET /v2/titulos?status=aberto\n{\"erro\": \"sem permissão\", \"código\": 403}"},
	{"Loja Virtual", "Dúvida sobre o plano anual | %s", "O desconto de 15,5% vale para a segunda loja?\tHá multa se cancelar antes?"},
}

var places = []string{"matriz", "filial Recife", "filial Belém", "loja São José", "unidade Três Corações", "depósito Goiânia", "escritório Florianópolis", "quiosque Maceió"}

var greetings = []string{"Bom dia!", "Boa tarde, equipe.", "Olá, tudo bem?", "Prezados,", "Oi 👋"}

var remarks = []string{
	"Já reiniciamos o computador; não mudou nada.",
	"O colega disse: \"ontem funcionava\".",
	"Segue anexo o print; se precisar, ligo à tarde.",
	"É urgente, há clientes na fila!",
	"Versão 4.12.0, navegador atualizado.",
	"Acontece também com outro usuário (perfil \"Caixa\").",
	"Podem ligar após as 14h; antes estou em reunião.",
}

var farewells = []string{"Obrigado!", "Atenciosamente,", "Fico no aguardo.", "Grata 🙂", "Abraços e até já."}
