package repo

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"filippo.io/age"
	"github.com/mailstrata/mailstrata/chunk"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Frame names a frame of a pack. Frames are comparable, and Compare orders them as they lie in the store.
type Frame struct {
	Pack   Pack
	Size   int64  // of the pack, as stored
	Offset uint32 // in its container
	Stored uint32
	Length uint32
}

// Compare orders frames by pack and place.
func (f Frame) Compare(g Frame) int {
	return cmp.Or(cmp.Compare(f.Pack.name(), g.Pack.name()), cmp.Compare(f.Offset, g.Offset))
}

func (f Frame) end() int64 { return int64(f.Offset) + int64(f.Stored) }

// Location is where a chunk lies.
type Location struct {
	Frame  Frame
	Offset uint32 // in the frame's content
	Length uint32
}

// ReaderOptions bound a Reader.
type ReaderOptions struct {
	// CacheBytes bounds the decoded frames that are kept; 0: 32 MiB. Chunks that were handed out are not counted.
	CacheBytes int64
}

// Reader reads chunks. It keeps the frames it decoded last, and fetches each once however many ask. It may be used by
// several goroutines.
type Reader struct {
	r        *Repo
	frames   *frameCache
	opened   *openedPacks
	inFlight *semaphore.Weighted
}

// Reader returns a reader.
func (r *Repo) Reader(o ReaderOptions) *Reader {
	return &Reader{
		r:        r,
		frames:   newFrameCache(cmp.Or(o.CacheBytes, 32<<20)),
		opened:   &openedPacks{packs: map[Pack]*openedPack{}},
		inFlight: semaphore.NewWeighted(inFlight),
	}
}

// Locate tells where chunks lie, in the order of ids, for planning: read what lies together, together. ErrNoChunk
// where one lies nowhere.
func (r *Repo) Locate(ctx context.Context, ids []chunk.ID) ([]Location, error) {
	locations := make([]Location, 0, len(ids))
	for _, id := range ids {
		places, err := r.places(ctx, id)
		if err != nil {
			return nil, err
		}
		locations = append(locations, places[0])
	}
	return locations, nil
}

// places lists where a chunk lies. Where the index does not know it, new segments are looked for, and then packs that no
// segment describes.
func (r *Repo) places(ctx context.Context, id chunk.ID) ([]Location, error) {
	x, err := r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	places, err := x.places(ctx, id)
	for _, further := range []func(context.Context) error{x.refreshOnMiss, x.salvage} {
		if err != nil || len(places) > 0 {
			return places, err
		}
		if err := further(ctx); err != nil {
			return nil, err
		}
		places, err = x.places(ctx, id)
	}
	if err == nil && len(places) == 0 {
		err = x.noChunk(id)
	}
	return places, err
}

// places lists where a chunk lies as far as the index knows.
func (x *index) places(ctx context.Context, id chunk.ID) (places []Location, err error) {
	indexed := false
	err = x.find(ctx, id.Prefix(), func(f found) bool {
		indexed = indexed || f.indexed
		if place := f.location(); !slices.Contains(places, place) {
			places = append(places, place)
		}
		return true
	})
	if len(places) > 0 && !indexed {
		x.standsAlone(places[0].Frame.Pack)
	}
	return places, err
}

// noChunk says that a chunk is nowhere, and why that may be.
func (x *index) noChunk(id chunk.ID) error {
	err := fmt.Errorf("chunk %s: %w", id, ErrNoChunk)
	for _, p := range x.problems() {
		err = fmt.Errorf("%w; nor can it be looked up in %v", err, p)
	}
	return err
}

func (f found) location() Location {
	return Location{
		Frame: Frame{
			Pack: f.pack.pack(), Size: int64(f.pack.Size), Offset: f.at,
			Stored: f.pack.Stored[f.n], Length: f.pack.Lengths[f.n],
		},
		Offset: f.offset, Length: f.length,
	}
}

// Chunk reads a chunk and checks it against its whole ID. The bytes must not be changed: they may be part of a frame
// that others read.
func (rd *Reader) Chunk(ctx context.Context, id chunk.ID) ([]byte, error) {
	places, err := rd.r.places(ctx, id)
	if err != nil {
		return nil, err
	}
	var failed error
	for _, place := range places {
		data, err := rd.chunkAt(ctx, id, place)
		if err == nil {
			return data, nil
		}
		// Another pack may hold it: this one may be condemned and deleted, or damaged.
		failed = errors.Join(failed, fmt.Errorf("chunk %s in %s: %w", id, place.Frame.Pack, err))
		if ctx.Err() != nil || errors.Is(err, ErrNoRole) {
			break
		}
	}
	if errors.Is(failed, fs.ErrNotExist) {
		if again, err := rd.movedTo(ctx, id, places); again != nil || err != nil {
			return again, err
		}
	}
	return nil, failed
}

// movedTo looks for a chunk in packs that are newer than the index known here.
func (rd *Reader) movedTo(ctx context.Context, id chunk.ID, tried []Location) ([]byte, error) {
	x, err := rd.r.openIndex(ctx)
	if err != nil {
		return nil, err
	}
	if err := x.refreshOnMiss(ctx); err != nil {
		return nil, err
	}
	places, err := x.places(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, place := range places {
		if slices.Contains(tried, place) {
			continue
		}
		if data, err := rd.chunkAt(ctx, id, place); err == nil {
			return data, nil
		}
	}
	return nil, nil
}

func (rd *Reader) chunkAt(ctx context.Context, id chunk.ID, place Location) ([]byte, error) {
	content, err := rd.frames.get(ctx, place.Frame, func() ([]byte, error) { return rd.fetchFrame(ctx, place.Frame) })
	if err != nil {
		return nil, err
	}
	end := uint64(place.Offset) + uint64(place.Length)
	if end > uint64(len(content)) {
		return nil, damaged("the index places it outside its frame")
	}
	data := content[place.Offset:end:end]
	if rd.r.chunkID(data) != id {
		return nil, damaged("its bytes do not hash to its ID")
	}
	return data, nil
}

func (rd *Reader) fetchFrame(ctx context.Context, f Frame) ([]byte, error) {
	content, err := rd.fetchFrameOnce(ctx, f)
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrNoRole) && elder(ctx, rd.r.store, f.Pack.name()) {
		rd.opened.forget(f.Pack)
		return rd.fetchFrameOnce(ctx, f)
	}
	return content, err
}

func (rd *Reader) fetchFrameOnce(ctx context.Context, f Frame) ([]byte, error) {
	stored, err := rd.opened.read(ctx, rd.r, f, int64(f.Offset), int64(f.Stored))
	if err != nil {
		return nil, err
	}
	return rd.r.decoder.decode(stored, int(f.Length))
}

// Limits of what Prefetch reads at once.
const (
	maxGap   = 256 << 10 // bytes that are read and thrown away rather than asked around
	maxRange = 4 << 20
	parallel = 4

	// inFlight bounds the bytes that a reader asks for at once, whoever asks: each is held about three times, sealed,
	// unsealed and decoded.
	inFlight = 8 << 20
)

// Prefetch reads frames that are about to be needed into the cache: those that lie together by one request, several
// requests at once. It stops short of what the cache holds. An error here says nothing that Chunk would not say again.
func (rd *Reader) Prefetch(ctx context.Context, frames []Frame) error {
	frames = slices.Clone(frames)
	slices.SortFunc(frames, Frame.Compare)
	frames = slices.DeleteFunc(slices.Compact(frames), rd.frames.holds)
	room := rd.frames.limit
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for len(frames) > 0 {
		n := together(frames)
		for _, f := range frames[:n] {
			room -= int64(f.Length)
		}
		if room < 0 {
			break
		}
		run := frames[:n]
		frames = frames[n:]
		group.Go(func() error { return rd.fetchRange(ctx, run) })
	}
	return group.Wait()
}

// Drop forgets frames that will not be needed again soon: their room is better used for others.
func (rd *Reader) Drop(frames []Frame) { rd.frames.drop(frames) }

// together is how many of the frames are read by one request.
func together(frames []Frame) int {
	first := frames[0]
	n := 1
	for n < len(frames) && frames[n].Pack == first.Pack &&
		int64(frames[n].Offset)-frames[n-1].end() <= maxGap && frames[n].end()-int64(first.Offset) <= maxRange {
		n++
	}
	return n
}

func (rd *Reader) fetchRange(ctx context.Context, frames []Frame) error {
	start := int64(frames[0].Offset)
	weight := min(inFlight, frames[len(frames)-1].end()-start)
	if err := rd.inFlight.Acquire(ctx, weight); err != nil {
		return context.Cause(ctx)
	}
	defer rd.inFlight.Release(weight)
	stored, err := rd.opened.read(ctx, rd.r, frames[0], start, frames[len(frames)-1].end()-start)
	if err != nil {
		return fmt.Errorf("read %s: %w", frames[0].Pack, err)
	}
	for _, f := range frames {
		_, err := rd.frames.get(ctx, f, func() ([]byte, error) {
			at := int64(f.Offset) - start
			return rd.r.decoder.decode(stored[at:at+int64(f.Stored)], int(f.Length))
		})
		if err != nil {
			return fmt.Errorf("read %s: %w", f.Pack, err)
		}
	}
	return nil
}

// frameCache keeps decoded frames, those used last, up to a number of bytes.
type frameCache struct {
	limit int64

	mu     sync.Mutex
	size   int64
	frames map[Frame]*cachedFrame
	recent *list.List // of *cachedFrame, the last used in front
}

type cachedFrame struct {
	frame   Frame
	content []byte
	err     error
	done    chan struct{} // closed when content or err is there
	element *list.Element
}

func newFrameCache(limit int64) *frameCache {
	return &frameCache{limit: limit, frames: map[Frame]*cachedFrame{}, recent: list.New()}
}

func (c *frameCache) holds(f Frame) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames[f] != nil
}

// get returns a frame's content. Of several that ask for it at once, one fetches it.
func (c *frameCache) get(ctx context.Context, f Frame, fetch func() ([]byte, error)) ([]byte, error) {
	for {
		c.mu.Lock()
		cached, ok := c.frames[f]
		if !ok {
			cached = &cachedFrame{frame: f, done: make(chan struct{})}
			c.frames[f] = cached
			c.mu.Unlock()
			return c.fill(cached, fetch)
		}
		if cached.element != nil {
			c.recent.MoveToFront(cached.element)
		}
		c.mu.Unlock()
		select {
		case <-cached.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		// Who fetched it may have been called off; that is no reason for us.
		calledOff := errors.Is(cached.err, context.Canceled) || errors.Is(cached.err, context.DeadlineExceeded)
		if !calledOff || ctx.Err() != nil {
			return cached.content, cached.err
		}
	}
}

func (c *frameCache) fill(cached *cachedFrame, fetch func() ([]byte, error)) ([]byte, error) {
	cached.content, cached.err = fetch()
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(cached.done)
	if cached.err != nil {
		delete(c.frames, cached.frame)
		return nil, cached.err
	}
	cached.element = c.recent.PushFront(cached)
	c.size += int64(len(cached.content))
	for c.size > c.limit && c.recent.Len() > 1 {
		c.remove(c.recent.Back().Value.(*cachedFrame))
	}
	return cached.content, nil
}

// drop forgets frames, but for those that are being fetched.
func (c *frameCache) drop(frames []Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range frames {
		if cached := c.frames[f]; cached != nil && cached.element != nil {
			c.remove(cached)
		}
	}
}

func (c *frameCache) remove(cached *cachedFrame) {
	c.recent.Remove(cached.element)
	delete(c.frames, cached.frame)
	c.size -= int64(len(cached.content))
}

// openedPacks remembers of packs read last what it takes to read a range of them: age's header and the last piece of
// the ciphertext, by which age knows that nothing is cut off.
type openedPacks struct {
	mu    sync.Mutex
	packs map[Pack]*openedPack
	order []Pack
}

// maxOpened packs take 70 KiB each.
const maxOpened = 64

type openedPack struct {
	once    sync.Mutex
	ready   bool
	start   held // header and nonce
	end     held // the last piece
	fileKey []byte
}

// held is a part of an object's bytes.
type held struct {
	at    int64
	bytes []byte
}

func (o *openedPacks) get(p Pack) *openedPack {
	o.mu.Lock()
	defer o.mu.Unlock()
	if opened := o.packs[p]; opened != nil {
		return opened
	}
	if len(o.order) == maxOpened {
		delete(o.packs, o.order[0])
		o.order = o.order[1:]
	}
	opened := new(openedPack)
	o.packs[p] = opened
	o.order = append(o.order, p)
	return opened
}

// forget drops what is known of a pack, for it was of other bytes.
func (o *openedPacks) forget(p Pack) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.packs[p] != nil {
		o.packs[p] = new(openedPack)
	}
}

// read reads length bytes of the container from offset.
func (o *openedPacks) read(ctx context.Context, r *Repo, f Frame, offset, length int64) ([]byte, error) {
	kind := KindData
	if f.Pack.Catalog {
		kind = KindCatalog
	}
	id, err := r.seals.identity(kind)
	if err != nil {
		return nil, err
	}
	if id == nil {
		return fetchPart(ctx, r.store, f.Pack.name(), f.Size, offset, length)
	}
	opened := o.get(f.Pack)
	if err := opened.open(ctx, r.store, f, id); err != nil {
		return nil, err
	}
	return opened.read(ctx, r.store, f, offset, length)
}

// firstPart is enough for the header of two hybrid recipients.
const firstPart = 4 << 10

// open fetches both ends of the pack, at once.
func (p *openedPack) open(ctx context.Context, store Store, f Frame, id age.Identity) error {
	p.once.Lock()
	defer p.once.Unlock()
	if p.ready {
		return nil
	}
	end := min(f.Size, agePiece+ageOverhead)
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		p.end.at = f.Size - end
		p.end.bytes, err = fetchPart(groupCtx, store, f.Pack.name(), f.Size, p.end.at, end)
		return err
	})
	group.Go(func() (err error) {
		p.start.bytes, err = fetchPart(groupCtx, store, f.Pack.name(), f.Size, 0, min(f.Size, firstPart))
		return err
	})
	if err := group.Wait(); err != nil {
		return err
	}
	header, err := age.ExtractHeader(bytes.NewReader(p.start.bytes))
	for n := int64(firstPart); err != nil && n < min(f.Size, maxAgeHeader); {
		n *= 4
		var failed error
		if p.start.bytes, failed = fetchPart(ctx, store, f.Pack.name(), f.Size, 0, min(f.Size, n)); failed != nil {
			return failed
		}
		header, err = age.ExtractHeader(bytes.NewReader(p.start.bytes))
	}
	if err != nil {
		return unsealError(err)
	}
	if p.fileKey, err = age.DecryptHeader(header, id); err != nil {
		return unsealError(err)
	}
	if len(p.start.bytes) < len(header)+ageNonce {
		p.start.bytes, err = fetchPart(ctx, store, f.Pack.name(), f.Size, 0, min(f.Size, int64(len(header)+ageNonce)))
		if err != nil {
			return err
		}
	}
	p.start.bytes = bytes.Clone(p.start.bytes[:min(len(p.start.bytes), len(header)+ageNonce)])
	p.ready = true
	return nil
}

// maxAgeHeader bounds how far a header is looked for: some hundred recipients.
const maxAgeHeader = 256 << 10

// read fetches the pieces that cover the range, by one request, and lets age open them.
func (p *openedPack) read(ctx context.Context, store Store, f Frame, offset, length int64) ([]byte, error) {
	payload := int64(len(p.start.bytes))
	from, to := coveringRange(offset, length, f.Size-payload)
	if from < 0 || from >= to {
		return nil, damaged("a range from %d in a pack of %d bytes", offset, f.Size)
	}
	pieces, err := fetchPart(ctx, store, f.Pack.name(), f.Size, payload+from, to-from)
	if err != nil {
		return nil, err
	}
	parts := partsReader{p.start, p.end, {payload + from, pieces}}
	plain, size, err := unsealAt(parts, f.Size, age.NewInjectedFileKeyIdentity(p.fileKey))
	if err != nil {
		return nil, err
	}
	if offset+length > size {
		return nil, damaged("a range up to %d in a container of %d bytes", offset+length, size)
	}
	out := make([]byte, length)
	return out, readFull(plain, out, offset)
}

// partsReader reads an object of which only parts are here.
type partsReader []held

func (r partsReader) ReadAt(p []byte, off int64) (int, error) {
	best := 0
	for _, part := range r {
		if at := off - part.at; at >= 0 && at < int64(len(part.bytes)) {
			if n := copy(p, part.bytes[at:]); n > best {
				best = n
			}
		}
	}
	if best < len(p) {
		return best, io.ErrUnexpectedEOF
	}
	return best, nil
}

// fetchPart reads a range of an object whose size is known.
func fetchPart(ctx context.Context, store Store, name string, size, offset, length int64) ([]byte, error) {
	body, found, err := store.Get(ctx, name, offset, length)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if found != size {
		return nil, damaged("%d bytes where the index says %d", found, size)
	}
	part := make([]byte, length) // not more than the object has, for it is as large as the index says
	if _, err := io.ReadFull(body, part); err != nil {
		return nil, err
	}
	return part, nil
}
