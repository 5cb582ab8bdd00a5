package storetest_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/mailstrata/mailstrata/repo/store"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// The memory is a store by the conformance suite.
func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return new(storetest.Memory) })
}

// A Faulty store without faults passes the suite.
func TestFaultyTransparent(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store { return &storetest.Faulty{Store: new(storetest.Memory)} })
}

func TestMemoryForTests(t *testing.T) {
	m := new(storetest.Memory)
	m.Replace("a", []byte("1"))
	clone := m.Clone()
	m.Replace("a", []byte("2"))
	if a, b := string(m.Bytes("a")), string(clone.Bytes("a")); a != "2" || b != "1" {
		t.Errorf("a store and its clone hold %q and %q", a, b)
	}
	before, _ := m.Now(t.Context())
	m.Advance(time.Hour)
	if after, _ := m.Now(t.Context()); after.Sub(before) < time.Hour {
		t.Errorf("an hour took %v", after.Sub(before))
	}
}

// A fault leaves the objects that it should, and a crash fails what follows.
func TestFaults(t *testing.T) {
	put := func(s store.Store, name string) error {
		return s.Put(t.Context(), name, bytes.NewReader([]byte("data")), 4)
	}
	for _, c := range []struct {
		fault storetest.Fault
		want  []string // the objects after the fault, and a crash, at the second of three puts
	}{
		{storetest.Refuse, []string{"1"}},
		{storetest.Truncate, []string{"1"}},
		{storetest.Lose, []string{"1", "2"}},
	} {
		m := new(storetest.Memory)
		s := &storetest.Faulty{Store: m, Fail: storetest.CrashAt(2, c.fault)}
		if err := put(s, "1"); err != nil {
			t.Error(err)
		}
		for _, name := range []string{"2", "3"} {
			if err := put(s, name); !errors.Is(err, storetest.ErrFault) {
				t.Errorf("put %s: %v", name, err)
			}
		}
		if got := m.Names(); !slices.Equal(got, c.want) {
			t.Errorf("fault %d leaves %v, want %v", c.fault, got, c.want)
		}
		if s.Ops() != 3 {
			t.Errorf("%d operations, want 3", s.Ops())
		}
	}
}

// A truncated body, and a truncated list, are an error after their first half.
func TestTruncate(t *testing.T) {
	m := new(storetest.Memory)
	m.Replace("a", []byte("0123456789"))
	m.Replace("b", nil)
	s := &storetest.Faulty{Store: m, Fail: func(storetest.Op) storetest.Fault { return storetest.Truncate }}
	body, _, err := s.Get(t.Context(), "a", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); string(got) != "01234" || !errors.Is(err, storetest.ErrFault) {
		t.Errorf("a truncated body is %q, %v", got, err)
	}
	var seen []string
	for o, err := range s.List(t.Context(), "") {
		if err != nil {
			seen = append(seen, "error")
			continue
		}
		seen = append(seen, o.Name)
	}
	if !slices.Equal(seen, []string{"a", "error"}) {
		t.Errorf("a truncated list is %v", seen)
	}
}
