package mboxsource

import (
	"fmt"
	"testing"
)

// Labels as exports have them: Gmail's own become those of IMAP, in each language, and those of the
// user stay.
func TestTakeoutLanguages(t *testing.T) {
	for text, want := range map[string]string{
		`Inbox,Opened,Category Updates,"Work, old"`:                                              `[Work, old \Inbox] [\Seen]`,
		`Posteingang,Wichtig,Ungelesen,Kategorie: "Neuigkeiten"`:                                 `[\Important \Inbox] []`,
		`Archiviert,Geöffnet,Kategorie: "Persönlich",Sent`:                                       `[Sent] [\Seen]`,
		"Messages archivés,Ouvert,Catégorie\u00a0: E-mails personnels,\"Culture, associations\"": `[Culture, associations] [\Seen]`,
		`Archivés,Envoyé`:                                          `[\Sent] [\Seen]`,
		`Boîte de réception,Non lus,Travail`:                       `[Travail \Inbox] []`,
		`Recibidos,No leídos,Categoría: Promociones,Destacados`:    `[\Inbox \Starred] [\Flagged]`,
		`Archivováno,Kategorie: Sociální sítě,Nepřečtené,Facebook`: `[Facebook] []`,
		`Inbox,Opened,Wichtig`:                                     `[Wichtig \Inbox] [\Seen]`,
		`Postvak IN,Ongelezen`:                                     `[Ongelezen Postvak IN] [\Seen]`,
		`Spam,Ungelesen`:                                           `[Spam] []`,
		`Papierkorb,Spam,Geöffnet,x`:                               `[Spam Trash x] [\Seen]`,
	} {
		g := sortOut(splitLabels(text))
		labels, _ := g.labels()
		if have := fmt.Sprint(labels, " ", g.flags()); have != want {
			t.Errorf("%s: %s, want %s", text, have, want)
		}
	}
}
