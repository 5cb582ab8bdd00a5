package mboxsource

import "strings"

// language is the names that Takeout gives to Gmail's own labels in a language.
type language struct {
	category string            // what the names of categories begin with
	names    map[string]string // the English names of the labels
}

// languages are those of which exports are known. A name that Google translates in several ways is
// here more than once. In any other language Gmail's own labels are labels of the user.
var languages = []language{
	{"Category ", map[string]string{
		"Inbox": "Inbox", "Sent": "Sent", "Draft": "Drafts", "Drafts": "Drafts", "Important": "Important", "Starred": "Starred",
		"Unread": "Unread", "Opened": "Opened", "Archived": "Archived", "Spam": "Spam", "Trash": "Trash",
	}},
	{"Kategorie:", map[string]string{
		"Posteingang": "Inbox", "Gesendet": "Sent", "Entwurf": "Drafts", "Entwürfe": "Drafts", "Wichtig": "Important",
		"Markiert": "Starred", "Ungelesen": "Unread", "Geöffnet": "Opened", "Archiviert": "Archived", "Spam": "Spam",
		"Papierkorb": "Trash",
	}},
	{"Catégorie :", map[string]string{
		"Boîte de réception": "Inbox", "Envoyé": "Sent", "Messages envoyés": "Sent", "Brouillon": "Drafts",
		"Brouillons": "Drafts", "Important": "Important", "Favoris": "Starred", "Suivis": "Starred", "Non lus": "Unread",
		"Ouvert": "Opened", "Archivés": "Archived", "Messages archivés": "Archived", "Spam": "Spam", "Corbeille": "Trash",
	}},
	{"Categoría:", map[string]string{
		"Recibidos": "Inbox", "Enviados": "Sent", "Borrador": "Drafts", "Borradores": "Drafts", "Importante": "Important",
		"Importantes": "Important", "Destacados": "Starred", "No leídos": "Unread", "Abierto": "Opened",
		"Abiertos": "Opened", "Archivado": "Archived", "Archivados": "Archived", "Spam": "Spam", "Papelera": "Trash",
	}},
	{"Kategorie:", map[string]string{
		"Doručené": "Inbox", "Doručená pošta": "Inbox", "Odesláno": "Sent", "Odeslané": "Sent", "Koncept": "Drafts",
		"Koncepty": "Drafts", "Důležité": "Important", "S hvězdičkou": "Starred", "Nepřečtené": "Unread",
		"Otevřeno": "Opened", "Otevřené": "Opened", "Archivováno": "Archived", "Spam": "Spam", "Koš": "Trash",
	}},
}

// sortOut separates the labels of Gmail from those of the user. The language is the one in which
// most of them are Gmail's: a label of the user can have a name that is Gmail's in another.
func sortOut(labels []string) (best gmail) {
	best.user = labels
	for i := range languages {
		if g := languages[i].sortOut(labels); len(g.user) < len(best.user) {
			best = g
		}
	}
	return best
}

// sortOut separates labels by their names in the language.
func (l *language) sortOut(labels []string) (g gmail) {
	for _, label := range labels {
		plain := strings.ReplaceAll(label, "\u00a0", " ") // French has one before a colon
		switch name := l.names[plain]; {
		case name != "":
			g.own = append(g.own, name)
		case strings.HasPrefix(plain, l.category):
			g.own = append(g.own, "Category")
		default:
			g.user = append(g.user, label)
		}
	}
	return g
}
