package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/backup/source"
	"github.com/mailstrata/mailstrata/backup/source/numbering"
	"github.com/mailstrata/mailstrata/mail"
)

// Source is mail in files as an account.
type Source struct {
	store Store

	mu       sync.Mutex
	previous source.Previous // nil: nothing is archived
	folders  map[string]*numberedFolder
	validity uint32 // of mailboxes that are not archived: the time of the first survey
}

var _ source.Source = (*Source)(nil)

// New returns the Source of a store. It reads nothing yet.
func New(store Store) *Source {
	return &Source{store: store, folders: make(map[string]*numberedFolder)}
}

// Continue says what is archived of the account. It is called before Survey.
func (s *Source) Continue(previous source.Previous) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.previous = previous
	if store, ok := s.store.(Continued); ok {
		store.Continue(previous)
	}
}

// Server returns what the files are.
func (s *Source) Server(context.Context) (mail.Server, error) {
	return mail.Server{ID: []mail.Field{{Name: "name", Value: s.store.Kind()}}}, nil
}

// parallel is how many folders are read at once: as many as connections to a server.
const parallel = 4

// Parallel implements source.Source.
func (*Source) Parallel() int { return parallel }

// Close implements source.Source.
func (*Source) Close() error { return nil }

// Survey lists the folders with their numbers.
func (s *Source) Survey(ctx context.Context) (*mail.Survey, error) {
	survey := &mail.Survey{Time: time.Now(), Gaps: make(map[string]string)}
	folders, notes, err := s.store.Folders(ctx)
	if err != nil {
		return nil, err
	}
	survey.Notes = notes
	s.mu.Lock()
	if s.previous != nil {
		folders = append(folders, below(folders, s.previous.Mailboxes())...)
	}
	s.validity = cmp.Or(s.validity, uint32(survey.Time.Unix()))
	listed := make(map[string]*numberedFolder, len(folders))
	for _, f := range folders {
		box := f.Mailbox()
		known := s.folders[box.Raw]
		if known == nil {
			known = &numberedFolder{source: s, raw: box.Raw}
		}
		known.setFiles(f)
		listed[box.Raw] = known
		survey.Mailboxes = append(survey.Mailboxes, box)
	}
	s.folders = listed
	s.mu.Unlock()
	slices.SortFunc(survey.Mailboxes, func(a, b mail.Mailbox) int { return cmp.Compare(a.Raw, b.Raw) })
	for i := range survey.Mailboxes {
		box := &survey.Mailboxes[i]
		if box.Label {
			continue
		}
		status, err := listed[box.Raw].survey(ctx)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil:
			survey.Gaps[box.Raw] = err.Error()
		default:
			box.Status = status
			survey.Notes = append(survey.Notes, listed[box.Raw].notes()...)
		}
	}
	return survey, nil
}

// Examine opens a folder.
func (s *Source) Examine(ctx context.Context, mailbox mail.Mailbox, first source.First) (source.View, error) {
	s.mu.Lock()
	f := s.folders[mailbox.Raw]
	s.mu.Unlock()
	if f == nil {
		return nil, mail.ErrNoMailbox
	}
	if first != nil {
		if _, err := first(); err != nil {
			return nil, err
		}
	}
	l, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	return &view{folder: f, listing: l}, nil
}

// numberedFolder is a Folder with its numbers.
type numberedFolder struct {
	source *Source
	raw    string

	mu      sync.Mutex
	files   Folder
	numbers *numbering.Numbers // nil: not loaded
	listing *listing           // while views are open
	views   int
}

func (f *numberedFolder) setFiles(files Folder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.files = files
}

// settled is how old a Version must be to prove that nothing changed since: the times of files have
// steps.
const settled = 2 * time.Second

// version returns the Version if it proves that nothing changed, else 0. taken is from before it
// was asked for.
func version(of uint64, taken time.Time) uint64 {
	if of == 0 || taken.Sub(time.Unix(0, int64(of))) < settled {
		return 0
	}
	return of
}

// survey returns the numbers of the folder. It lists no folder that has not changed since it was
// archived.
func (f *numberedFolder) survey(ctx context.Context) (*mail.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if previous := f.source.previous; f.numbers == nil && previous != nil {
		taken := time.Now()
		now := version(f.files.Version(), taken)
		if status := previous.Status(f.raw); status != nil && now != 0 && status.HighestModSeq == now {
			return &mail.Status{
				UIDValidity: status.UIDValidity, UIDNext: status.UIDNext, Messages: status.Messages, HighestModSeq: now,
			}, nil
		}
	}
	l, err := f.list(ctx)
	if err != nil {
		return nil, err
	}
	if f.listing != nil {
		f.listing = l
	}
	status := l.status
	return &status, nil
}

// notes returns the notes of the files.
func (f *numberedFolder) notes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if noted, ok := f.files.(Noted); ok {
		return noted.Notes()
	}
	return nil
}

// list lists the messages and gives them their UIDs. The caller holds mu.
func (f *numberedFolder) list(ctx context.Context) (*listing, error) {
	taken := time.Now()
	c, err := f.files.List(ctx)
	if err != nil {
		return nil, listError(ctx, err)
	}
	c.Version = version(c.Version, taken)
	if f.numbers == nil {
		validity := f.source.newValidity(f.raw)
		if c.Validity != 0 && !f.source.isArchived() {
			validity = c.Validity
		}
		if f.numbers, err = numbering.Load(ctx, f.source.previous, f.raw, f.source.store.ByHash(), validity); err != nil {
			return nil, err
		}
	}
	l, err := newListing(c, f.numbers)
	if errors.Is(err, numbering.ErrNoUID) && f.views == 0 {
		f.numbers = numbering.New(f.source.newValidity(f.raw))
		l, err = newListing(c, f.numbers)
	}
	if err != nil {
		return nil, &refusedError{fmt.Errorf("mailbox %q: %w", f.raw, err)}
	}
	return l, nil
}

// isArchived reports whether anything of the account is archived. Then an earlier manifest may have
// a mailbox under the UIDVALIDITY of a mail server, with UIDs that the archive gave and the newest
// manifest does not show.
func (s *Source) isArchived() bool {
	return s.previous != nil && len(s.previous.Mailboxes()) > 0
}

// newValidity returns the UIDVALIDITY of a mailbox that is not archived.
func (s *Source) newValidity(raw string) uint32 {
	return numbering.Validity(s.validity, raw)
}

// open returns the listing of the folder for one more view.
func (f *numberedFolder) open(ctx context.Context) (*listing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listing == nil {
		l, err := f.list(ctx)
		if err != nil {
			return nil, err
		}
		f.listing = l
	}
	f.views++
	return f.listing, nil
}

// refresh lists the folder again, unless another view did after old was made.
func (f *numberedFolder) refresh(ctx context.Context, old *listing) (*listing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listing == nil || f.listing == old {
		l, err := f.list(ctx)
		if err != nil {
			return nil, err
		}
		f.listing = l
	}
	return f.listing, nil
}

// close ends the use of the listing by a view.
func (f *numberedFolder) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.views--; f.views == 0 {
		f.listing = nil
	}
}
