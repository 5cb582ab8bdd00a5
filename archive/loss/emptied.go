package loss

import (
	"slices"
	"strings"

	"github.com/mailstrata/mailstrata/manifest"
)

// emptiedMailboxes recognizes the mailboxes that people and programs empty: by their special use,
// or, if no mailbox of an account has that use, by the names that programs give them.
type emptiedMailboxes struct{ names map[string]string }

// emptiedUses maps special uses to the names of mailboxes without one.
var emptiedUses = map[string][]string{
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

// EmptiedUses returns a function that returns the special use of a mailbox that people and programs
// empty: \Trash, \Junk or \Drafts, or "". If no mailbox of all has such a use, it recognizes one by
// its name.
func EmptiedUses(all []*manifest.Mailbox) func(*manifest.Mailbox) string {
	return newEmptiedMailboxes(all).use
}

func newEmptiedMailboxes(records ...[]*manifest.Mailbox) emptiedMailboxes {
	all := slices.Concat(records...)
	d := emptiedMailboxes{names: make(map[string]string)}
	for use, names := range emptiedUses {
		if slices.ContainsFunc(all, func(m *manifest.Mailbox) bool { return m.Has(use) }) {
			continue
		}
		for _, name := range names {
			d.names[name] = use
		}
	}
	return d
}

// has reports whether a mailbox is one that people empty.
func (e emptiedMailboxes) has(m *manifest.Mailbox) bool { return e.use(m) != "" }

func (e emptiedMailboxes) use(m *manifest.Mailbox) string {
	for use := range emptiedUses {
		if m.Has(use) {
			return use
		}
	}
	path := m.Path()
	return e.names[strings.ToLower(path[len(path)-1])]
}
