package head

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/mailstrata/mailstrata/repo/format"
	"github.com/mailstrata/mailstrata/repo/internal/clock"
)

// Outline is the part of a manifest that package repo reads. Package manifest reads and checks the
// rest.
type Outline struct {
	Account  []byte          `cbor:"1,keyasint"`
	Start    int64           `cbor:"3,keyasint"`
	Deadline int64           `cbor:"5,keyasint"`
	Alarm    cbor.RawMessage `cbor:"20,keyasint"` // nil: it has none
	Time     int64           `cbor:"24,keyasint"`
}

// Until returns the deadline.
func (o *Outline) Until() time.Time { return time.UnixMilli(o.Deadline) }

// ParseOutline reads the outline of a manifest.
func ParseOutline(manifest []byte) (*Outline, error) {
	o := new(Outline)
	if err := format.DecodePart(manifest, o); err != nil {
		return nil, format.Damaged("not a manifest: %v", err)
	}
	if o.Deadline <= 0 {
		return nil, format.Damaged("a manifest without a deadline")
	}
	return o, nil
}

// CheckName checks that the time in the manifest's name is the one in the manifest. The first
// versions of mailstrata did not write it into the manifest; then the time in the name must lie
// within the length of a run.
func (o *Outline) CheckName(h Head) error {
	put := h.Time.UnixMilli()
	if o.Time != 0 {
		if put != o.Time {
			return renamed("its name was changed, and should be " +
				format.ManifestName(h.Account, time.UnixMilli(o.Time), h.ID))
		}
		return nil
	}
	start := time.UnixMilli(o.Start)
	if h.Time.Before(start.Add(-clock.Ahead)) || h.Time.After(start.Add(clock.Lifetime+clock.Ahead)) {
		return renamed(fmt.Sprintf("its name was changed: its run began at %s, and the name says %s",
			clock.Instant(start), clock.Instant(h.Time)))
	}
	return nil
}

// renamed is the error of a manifest under another name than its own.
type renamed string

func (r renamed) Error() string { return string(r) }

// Is makes renamed an ErrNotMine, because someone who can write to the store copied the manifest.
func (renamed) Is(target error) bool { return target == format.ErrNotMine }
