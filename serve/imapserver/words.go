package imapserver

import (
	"context"
	"unicode/utf8"

	"github.com/mailstrata/mailstrata/fulltext/words"
	"github.com/mailstrata/mailstrata/serve/internal/command"
	"github.com/mailstrata/mailstrata/serve/view"
)

// askIndex looks up the texts of BODY and TEXT in the index of words, if there is one.
func (m *matcher) askIndex(ctx context.Context, key command.Key) error {
	if m.list.Len() == 0 {
		return nil
	}
	var names []string
	var queries []*words.Query
	for k := range key.All() {
		if q := wordsOf(k); q != nil && len(queries) < maxIndexed {
			names, queries = append(names, indexName(k)), append(queries, q)
		}
	}
	if queries == nil {
		return nil
	}
	found, err := m.list.Find(ctx, queries)
	if err != nil || found == nil {
		return err
	}
	m.indexed = make(map[string]view.Matches)
	for i, name := range names {
		m.indexed[name] = found[i]
	}
	return nil
}

// indexName names a key in matcher.indexed.
func indexName(k *command.Key) string { return k.Op + " " + k.Text }

// maxIndexed is how many texts of a search are looked up in the index, because the messages of all
// are in memory.
const maxIndexed = 8

// maxWords is how many words of a text are looked up in the index. A longer text is looked for in
// the messages.
const maxWords = 50

// wordsOf returns the query of words for a key, or nil if the index cannot answer it. The words of
// the text must follow each other. The last one may be the beginning of a word, if the text ends in
// it and it has two letters or more. An index has no other parts of words; in scripts without
// spaces each character is a word, so there any text is found.
func wordsOf(k *command.Key) *words.Query {
	if k.Op != "BODY" && k.Op != "TEXT" {
		return nil
	}
	phrase := words.Expr{Op: words.Phrase}
	words.Scan(k.Text, func(w words.Word) bool {
		phrase.Words = append(phrase.Words, string(w.Text))
		phrase.Prefix = w.End == len(k.Text) && utf8.RuneCount(w.Text) > 1
		return len(phrase.Words) <= maxWords
	})
	switch {
	case len(phrase.Words) == 0 || len(phrase.Words) > maxWords:
		return nil
	case k.Op == "TEXT":
		return &words.Query{Words: &phrase}
	}
	body, attachments := phrase, phrase
	body.Column, attachments.Column = words.Body, words.Attachment
	return &words.Query{Words: &words.Expr{Op: words.Or, Args: []*words.Expr{&body, &attachments}}}
}
