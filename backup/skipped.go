package backup

import (
	"fmt"

	"github.com/mailstrata/mailstrata/mail"
)

const excluding = "and --exclude says that they are left out on purpose"

// noteSkipped warns of mailboxes that are not read, unless the user excluded them.
func (w *walk) noteSkipped(survey *mail.Survey) {
	count, example := make(map[mail.Skip]int), make(map[mail.Skip]string)
	w.outside = ""
	for _, m := range survey.Mailboxes {
		if m.Skip == mail.NotSkipped || !m.Selectable() {
			continue
		}
		if m.Skip == mail.SkipForeign && w.outside == "" {
			w.outside = m.Name
		}
		if !w.chosen(m) {
			continue
		}
		if count[m.Skip]++; count[m.Skip] == 1 {
			example[m.Skip] = m.Name
		}
	}
	if n := count[mail.SkipForeign]; n > 0 {
		w.warn("mailboxes that are shared, or other users', are not archived: %d, such as %q (--namespace archives them, %s)",
			n, example[mail.SkipForeign], excluding)
	}
	if n := count[mail.SkipVirtual]; n > 0 {
		w.warn("virtual mailboxes, which show messages of other mailboxes, are not archived: %d, such as %q (--virtual archives them, %s)",
			n, example[mail.SkipVirtual], excluding)
	}
}

// whereElse adds to alarms that mail may have been moved to a mailbox that is not read.
func (w *walk) whereElse(alarms []string) []string {
	if w.outside == "" {
		return alarms
	}
	for i := range alarms {
		alarms[i] += fmt.Sprintf("; it may have been moved to a mailbox that is not archived, such as %q", w.outside)
	}
	return alarms
}
