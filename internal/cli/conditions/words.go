package conditions

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mailstrata/mailstrata/archive/search"
	"github.com/mailstrata/mailstrata/archive/search/query"
	"github.com/mailstrata/mailstrata/archive/textindex"
	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/internal/cli"
	"github.com/mailstrata/mailstrata/internal/cli/wordindex"
	"github.com/mailstrata/mailstrata/internal/hint"
	"github.com/mailstrata/mailstrata/internal/ui"
	"github.com/mailstrata/mailstrata/repo"
)

// Parse parses queries that all must match, and adds their filters to q.
func Parse(texts []string, q *search.Query) (*query.Query, error) {
	w, err := query.Parse(texts, *q, time.Now())
	if err != nil {
		return nil, wrongQuery(err)
	}
	*q = w.Record
	return w, nil
}

// Explain says how a query was understood, where that may surprise.
func Explain(o *ui.Output, w *query.Query) {
	for _, r := range w.Reduced {
		if len(r.Words) == 0 {
			o.Note("%s is left out: only letters and digits are searched for", ui.Quote(r.Text))
		} else {
			o.Note("%s is searched for as %s: only letters and digits are",
				ui.Quote(r.Text), ui.Quote(strings.Join(r.Words, " ")))
		}
	}
	for _, word := range w.Lower {
		o.Note("%s is searched for as a word; in capitals, %s is an operator", ui.Quote(word), strings.ToUpper(word))
	}
}

// ColumnWord returns the first word that is looked for in sender or subject alone, with the flag
// that looks for parts of words there. It returns "" if there is none.
func ColumnWord(e *words.Expr) (flag, word string) {
	if e == nil || e.Op == words.Not {
		return "", ""
	}
	if e.Op == words.Phrase && (e.Column == words.From || e.Column == words.Subject) {
		return e.Column.String(), strings.Join(e.Words, " ")
	}
	for _, arg := range e.Args {
		if flag, word := ColumnWord(arg); word != "" {
			return flag, word
		}
	}
	return "", ""
}

func wrongQuery(err error) error {
	var wrong *words.SyntaxError
	if errors.As(err, &wrong) {
		return &hint.Usage{Text: err.Error(), Hint: "docs/search.md has the language of queries"}
	}
	return err
}

// AddWords adds the words of w to a query: by the index, if there is one, or else by reading the
// messages.
func AddWords(
	ctx context.Context, p *cli.Program, r *repo.Repo, record *search.Query, w *query.Query, noIndex bool,
) error {
	Explain(p.Output, w)
	if noIndex || !textindex.Exists(r) {
		if !noIndex {
			wordindex.NoteMissing(p.Output)
		}
		record.Message = &textindex.Matcher{Query: w.Query, Documents: p.Documents()}
		return nil
	}
	var err error
	record.Only, err = wordindex.Among(ctx, p, r, w.Query)
	if textindex.IsDamaged(err) {
		wordindex.WarnDropped(p.Output)
		if err = textindex.Drop(ctx, r); err == nil {
			record.Only, err = wordindex.Among(ctx, p, r, w.Query)
		}
	}
	return err
}
