package repo_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/mailstrata/mailstrata/repo"
	"github.com/mailstrata/mailstrata/repo/store/storetest"
)

// harms are the ways in which a pack can be damaged.
var harms = map[string]func(*storetest.Memory, string){
	"flipped": func(s *storetest.Memory, name string) {
		b := bytes.Clone(s.Bytes(name))
		b[len(b)/2] ^= 1
		s.Replace(name, b)
	},
	"cut": func(s *storetest.Memory, name string) { s.Replace(name, s.Bytes(name)[:len(s.Bytes(name))*2/3]) },
	"without its end": func(s *storetest.Memory, name string) {
		b := bytes.Clone(s.Bytes(name))
		clear(b[len(b)-64:])
		s.Replace(name, b)
	},
	"swapped": func(s *storetest.Memory, name string) {
		for _, other := range s.Names() {
			if other != name && strings.HasPrefix(other, name[:5]) {
				s.Replace(name, s.Bytes(other))
			}
		}
	},
	"gone": func(s *storetest.Memory, name string) { _ = s.Delete(context.Background(), name) },
}

// Repair keeps the chunks that can be read, and the next backup stores the others again. No run
// relies on the damaged pack.
func TestRepairPacks(t *testing.T) {
	for harm, damage := range harms {
		t.Run(harm, func(t *testing.T) {
			worlds(t, func(t *testing.T, store *storetest.Memory, o repo.InitOptions) {
				r := mustInit(t, store, o)
				mustBackup(t, r, "me", 1, 60)
				mustBackup(t, r, "me", 2, 60)
				var pack string
				for _, name := range store.Names() {
					if strings.HasPrefix(name, "data/") {
						pack = name
					}
				}
				damage(store, pack)
				host := repo.On(r, store, t.TempDir())
				defer host.Close()
				var broken []repo.Pack
				for p := range packIDsOf(problems(t, host)) {
					broken = append(broken, p)
				}
				if len(broken) != 1 {
					t.Fatalf("%d packs are called broken", len(broken))
				}
				repaired, err := host.RepairPacks(t.Context(), broken, func(repo.Problem) {})
				if err != nil {
					t.Fatal(err)
				}
				if harm == "without its end" && o.NoSeal && repaired.Lost > 0 { // sealed, the last 64 KiB are lost
					t.Errorf("%d chunks were lost, although the index has the places of all chunks", repaired.Lost)
				}
				mustBeSound(t, host)
				a, _, _ := mustBackup(t, host, "me", 1, 60)
				b, _, _ := mustBackup(t, host, "me", 2, 60)
				mustRead(t, host, a)
				mustRead(t, host, b)
				mustBeSound(t, host)
			})
		})
	}
}

// packIDsOf returns the packs that problems report as broken or missing.
func packIDsOf(problems []repo.Problem) map[repo.Pack]bool {
	packs := map[repo.Pack]bool{}
	for _, p := range problems {
		if p.Kind.Harmless() {
			continue
		}
		if pack, ok := repo.ParsePack(p.Object); ok {
			packs[pack] = true
		}
	}
	return packs
}
