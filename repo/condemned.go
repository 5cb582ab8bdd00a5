package repo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/store"
	"golang.org/x/sync/errgroup"
)

// What removes is signed by the keeper, whose key nightly hosts do not have: who takes a host over cannot make the
// archive forget. Both kinds say what is to go, and nothing is ever taken back.

// statement is the content of configs, marks and condemnations.
type statement struct {
	_         struct{} `cbor:",toarray"`
	Payload   []byte
	Signature [ed25519.SignatureSize]byte
}

// mark says that manifests are to be forgotten: one, and the more that one call names, ascending.
type mark struct {
	Manifest []byte            `cbor:"1,keyasint"`
	Parent   []byte            `cbor:"2,keyasint,omitempty"`
	More     []markRow         `cbor:"3,keyasint,omitempty"`
	Erase    bool              `cbor:"4,keyasint,omitempty"`
	Ext      format.Extensions `cbor:"63,keyasint,omitempty"`
}

// markRow is one manifest of a mark.
type markRow struct {
	_        struct{} `cbor:",toarray"`
	Manifest []byte
	Parent   []byte // empty, not null: none
}

func (m *mark) rows() []markRow {
	return append([]markRow{{Manifest: m.Manifest, Parent: m.Parent}}, m.More...)
}

// condemnation says which packs are to be deleted.
type condemnation struct {
	Packs []condemnedPack   `cbor:"1,keyasint"`
	Ext   format.Extensions `cbor:"63,keyasint,omitempty"`
}

type condemnedPack struct {
	_    struct{} `cbor:",toarray"`
	Kind uint8
	Hash [32]byte
}

// errUnsigned: the statement does not bear the keeper's signature. It says nothing then.
var errUnsigned = errors.New("not signed by the keeper")

func signedMessage(kind format.Kind, repository [16]byte, payload []byte) []byte {
	message := append([]byte("mailstrata v1 "+string(kind)), 0)
	return append(append(message, repository[:]...), payload...)
}

// verify opens a statement of the keeper's.
func (r *Repo) verify(kind format.Kind, content []byte) (payload []byte, err error) {
	return openStatement(content, kind, r.codec.Repository, r.config.Keeper)
}

func openStatement(content []byte, kind format.Kind, repository [16]byte, keeper [32]byte) (payload []byte, err error) {
	var s statement
	if err := format.Decode(content, &s); err != nil {
		return nil, err
	}
	if !ed25519.Verify(keeper[:], signedMessage(kind, repository, s.Payload), s.Signature[:]) {
		return nil, errUnsigned
	}
	return s.Payload, nil
}

// makeStatement inverts openStatement.
func makeStatement(kind format.Kind, repository [16]byte, keeper ed25519.PrivateKey, what any) (content []byte, err error) {
	payload, err := format.Encode(what)
	if err != nil {
		return nil, err
	}
	return signPayload(kind, repository, keeper, payload)
}

func signPayload(kind format.Kind, repository [16]byte, keeper ed25519.PrivateKey, payload []byte) ([]byte, error) {
	s := statement{Payload: payload}
	copy(s.Signature[:], ed25519.Sign(keeper, signedMessage(kind, repository, payload)))
	return format.Encode(s)
}

// declare signs and stores a statement.
func (r *Repo) declare(ctx context.Context, kind format.Kind, what any) (name string, err error) {
	if r.keeper == nil {
		return "", fmt.Errorf("removing needs the owner's key, not a writer's: %w", ErrNoRole)
	}
	if err := r.undoubted(); err != nil {
		return "", err
	}
	if kind == format.KindMark || kind == format.KindCondemnation { // their age counts
		if err := r.agreed(ctx); err != nil {
			return "", err
		}
	}
	content, err := makeStatement(kind, r.codec.Repository, r.keeper, what)
	if err != nil {
		return "", err
	}
	stored, hash, err := r.codec.Build(kind, content, r.seals.recipients(kind))
	if err != nil {
		return "", err
	}
	name = format.ObjectName(kind, hash)
	return name, r.put(ctx, name, stored)
}

// Mark says that a manifest is to be forgotten (rule 6). parent is the hash of that manifest's own parent, if it has
// one.
func (r *Repo) Mark(ctx context.Context, h Head, parent *[32]byte) error {
	return r.MarkAll(ctx, []Marked{{Manifest: h.Name, Parent: parent}})
}

// MarkAll says that all these manifests are to be forgotten. They are named together, by few objects: marks are for ever, and
// a host without a cache reads them all. Up to some thousands are marked all or none.
func (r *Repo) MarkAll(ctx context.Context, manifests []Marked) error {
	return r.markAll(ctx, manifests, false)
}

// MarkErased is MarkAll for manifests that hold what is erased. A prune deletes them only when no pack has anything that
// only they need, however little it is. A manifest that is already marked is marked once more.
func (r *Repo) MarkErased(ctx context.Context, manifests []Marked) error {
	return r.markAll(ctx, manifests, true)
}

func (r *Repo) markAll(ctx context.Context, manifests []Marked, erase bool) error {
	var rows []markRow
	for _, m := range manifests {
		row := markRow{Manifest: []byte(m.Manifest), Parent: []byte{}}
		if m.Parent != nil {
			row.Parent = m.Parent[:]
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b markRow) int { return bytes.Compare(a.Manifest, b.Manifest) })
	rows = slices.CompactFunc(rows, func(a, b markRow) bool { return bytes.Equal(a.Manifest, b.Manifest) })
	for part := range slices.Chunk(rows, marksTogether) {
		m := mark{Manifest: part[0].Manifest, Parent: part[0].Parent, More: part[1:], Erase: erase}
		if _, err := r.declare(ctx, format.KindMark, m); err != nil {
			return err
		}
	}
	return nil
}

// marksTogether is how many manifests one mark names.
const marksTogether = 4096

// Condemn says that packs are to be deleted (rule 7). From now on no run takes a chunk in them for stored.
func (r *Repo) Condemn(ctx context.Context, packs []format.Pack) error {
	var rows []condemnedPack
	for _, p := range packs {
		row := condemnedPack{Hash: p.Hash}
		if p.Catalog {
			row.Kind = 1
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, condemnedPack.compare)
	rows = slices.Compact(rows)
	for part := range slices.Chunk(rows, format.MaxElements) {
		if _, err := r.declare(ctx, format.KindCondemnation, condemnation{Packs: part}); err != nil {
			return err
		}
	}
	return nil
}

func (c condemnedPack) compare(d condemnedPack) int {
	if c.Kind != d.Kind {
		return int(c.Kind) - int(d.Kind)
	}
	return bytes.Compare(c.Hash[:], d.Hash[:])
}

func parseCondemnation(payload []byte) (*condemnation, error) {
	c := new(condemnation)
	if err := format.Decode(payload, c); err != nil {
		return nil, err
	}
	for i, p := range c.Packs {
		if int(p.Kind) >= len(format.PackKinds) {
			return nil, fmt.Errorf("a pack of kind %d: %w", p.Kind, format.ErrNewer)
		}
		if i > 0 && p.compare(c.Packs[i-1]) <= 0 {
			return nil, format.Damaged("the packs do not ascend")
		}
	}
	return c, nil
}

func parseMark(payload []byte) (*mark, error) {
	m := new(mark)
	if err := format.Decode(payload, m); err != nil {
		return nil, err
	}
	rows := m.rows()
	for i, row := range rows {
		if _, ok := ParseManifest(string(row.Manifest)); !ok {
			return nil, format.Damaged("%q is not the name of a manifest", row.Manifest)
		}
		if len(row.Parent) != 0 && len(row.Parent) != 32 || i > 0 && row.Parent == nil {
			return nil, format.Damaged("a parent of %d bytes", len(row.Parent))
		}
		if i > 0 && bytes.Compare(row.Manifest, rows[i-1].Manifest) <= 0 {
			return nil, format.Damaged("the manifests do not ascend")
		}
	}
	return m, nil
}

// Condemned reads all condemnations: the packs that they name, and when each was named first. One that is damaged is
// an error, for it may name any pack; one that is not signed says nothing.
func (r *Repo) Condemned(ctx context.Context) (map[format.Pack]time.Time, error) {
	all := map[format.Pack]time.Time{}
	err := r.statements(ctx, format.KindCondemnation, nil, func(o store.Object, payload []byte) error {
		c, err := parseCondemnation(payload)
		if err != nil {
			return err
		}
		for _, p := range c.Packs {
			pack := format.Pack{Catalog: p.Kind == 1, Hash: p.Hash}
			if since, ok := all[pack]; !ok || o.Time.Before(since) {
				all[pack] = o.Time
			}
		}
		return nil
	})
	return all, err
}

// NameUnder is the name that a manifest's object would have if it were of another account.
func (r *Repo) NameUnder(h Head, account string) string {
	return format.ManifestName(r.AccountDir(account), h.Time, h.ID)
}

// Marked is what a mark says.
type Marked struct {
	Manifest string    // name
	Parent   *[32]byte // hash of its parent
	Since    time.Time // by the store's clock, first
	Erased   bool      // prune rewrites packs for what only this manifest needs

	Forgotten time.Time // as Since, by marks that do not erase; zero if there is no such mark
}

// Marks reads all marks, by the name of the manifest.
func (r *Repo) Marks(ctx context.Context) (map[string]Marked, error) { return r.marks(ctx, nil) }

func (r *Repo) marks(ctx context.Context, overlook func(error) bool) (map[string]Marked, error) {
	all := map[string]Marked{}
	err := r.statements(ctx, format.KindMark, overlook, func(o store.Object, payload []byte) error {
		m, err := parseMark(payload)
		if err != nil {
			return err
		}
		for _, row := range m.rows() {
			old, known := all[string(row.Manifest)]
			marked := Marked{Manifest: string(row.Manifest), Since: o.Time, Erased: m.Erase || old.Erased}
			if len(row.Parent) == 32 {
				parent := [32]byte(row.Parent)
				marked.Parent = &parent
			}
			if known && !o.Time.Before(old.Since) {
				marked.Since = old.Since
				marked.Parent = cmp.Or(old.Parent, marked.Parent)
			}
			marked.Forgotten = old.Forgotten
			if !m.Erase && (old.Forgotten.IsZero() || o.Time.Before(old.Forgotten)) {
				marked.Forgotten = o.Time
			}
			all[marked.Manifest] = marked
		}
		return nil
	})
	return all, err
}

// statements reads all statements of a kind, several at a time, and hands them to use one at a time. An error of one ends
// that, unless it is to be overlooked.
func (r *Repo) statements(ctx context.Context, kind format.Kind, overlook func(error) bool, use func(store.Object, []byte) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	var mu sync.Mutex
	var listErr error
	listed := map[string]bool{}
	for o, err := range r.store.List(ctx, kind.Folder()) {
		if err != nil {
			listErr = fmt.Errorf("list %s: %w", strings.TrimSuffix(kind.Folder(), "/"), err)
			break
		}
		if _, ok := store.ParseHash(strings.TrimPrefix(o.Name, kind.Folder())); !ok {
			continue
		}
		listed[o.Name] = true
		group.Go(func() error {
			payload, err := r.statement(ctx, kind, o.Name)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				if err = use(o, payload); err != nil {
					err = fmt.Errorf("read %s: %w", o.Name, err)
				}
			}
			// What is hidden and cannot be read was garbage that somebody cleared away; what can be read, nobody hides.
			if errors.Is(err, errUnsigned) || o.Hidden && ofTheObject(err) || err != nil && overlook != nil && overlook(err) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if listErr == nil {
		r.cache.keepListed(kind.Folder(), listed)
	}
	return listErr
}

func (r *Repo) statement(ctx context.Context, kind format.Kind, name string) ([]byte, error) {
	content, err := r.load(ctx, kind, name)
	if err != nil {
		return nil, err
	}
	payload, err := r.verify(kind, content)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return payload, nil
}
