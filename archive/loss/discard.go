package loss

import (
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/manifest"
)

// discardable knows the mailboxes that people and programs empty: by their special use, or, if no mailbox of an account has
// that use, by the names that programs give them.
type discardable struct{ names map[string]bool }

// discards maps special uses to the names of mailboxes without one.
var discards = map[string][]string{
	`\Trash`: {
		"trash", "deleted", "deleted items", "deleted messages", "bin", "papierkorb", "gelöscht", "gelöschte elemente",
		"gelöschte objekte", "corbeille", "éléments supprimés", "papelera", "elementos eliminados", "cestino",
		"posta eliminata", "lixeira", "itens excluídos", "prullenbak", "verwijderde items", "papperskorgen",
		"slettet post", "kosz", "koš", "корзина", "удаленные",
	},
	`\Junk`: {
		"junk", "junk e-mail", "junk email", "junk mail", "spam", "bulk", "bulk mail", "quarantine", "unerwünscht",
		"junk-e-mail", "courrier indésirable", "indésirables", "pourriel", "correo no deseado", "posta indesiderata",
		"lixo eletrônico", "ongewenste e-mail", "skräppost", "søppelpost", "спам",
	},
	`\Drafts`: {
		"drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "rascunhos", "concepten", "utkast", "kladder",
		"kopie robocze", "wersje robocze", "koncepty", "черновики",
	},
}

func newDiscardable(records ...[]*manifest.Mailbox) discardable {
	all := slices.Concat(records...)
	d := discardable{names: make(map[string]bool)}
	for use, names := range discards {
		if slices.ContainsFunc(all, func(m *manifest.Mailbox) bool { return m.Has(use) }) {
			continue
		}
		for _, name := range names {
			d.names[name] = true
		}
	}
	return d
}

// has reports whether a mailbox is one that people empty.
func (d discardable) has(m *manifest.Mailbox) bool {
	for use := range discards {
		if m.Has(use) {
			return true
		}
	}
	path := m.Path()
	return d.names[strings.ToLower(path[len(path)-1])]
}
