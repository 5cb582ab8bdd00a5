package edit_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/pelletier/go-toml/v2"

	"github.com/mailstrata/mailstrata/internal/config/edit"
)

const owned = `# What I back up.
parallel_accounts = 2 # slow line

# The disk in the attic.
[[repositories]]
place = "/srv/mail"

# Mine.
[[accounts]]
name = "anna" # me
url = "imaps://anna@mail.example"
exclude = ["Trash", # never
  "Junk"]

# His.
# He knows.
[[accounts]]
url = 'imaps://jo@mail.example'

# Long.
[retention]
keep_daily = 30
`

// What is not changed stays as it was, to the byte.
func TestChangesKeepTheRest(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]byte) ([]byte, error)
		want   string
	}{
		"append": {
			func(text []byte) ([]byte, error) {
				return edit.Append(text, "accounts", edit.Table("[[accounts]]", edit.Pair{Key: "name", Value: `a "b"`},
					edit.Pair{Key: "url", Value: "imaps://c@d"}, edit.Pair{Key: "compress", Value: true}, edit.Pair{Key: "ca_file", Value: ""}))
			},
			owned[:len(owned)-len("# Long.\n[retention]\nkeep_daily = 30\n")] +
				"[[accounts]]\nname = \"a \\\"b\\\"\"\nurl = \"imaps://c@d\"\ncompress = true\n\n# Long.\n[retention]\nkeep_daily = 30\n",
		},
		"remove": {
			func(text []byte) ([]byte, error) { return edit.Remove(text, "accounts", 1) },
			`# What I back up.
parallel_accounts = 2 # slow line

# The disk in the attic.
[[repositories]]
place = "/srv/mail"

# Mine.
[[accounts]]
name = "anna" # me
url = "imaps://anna@mail.example"
exclude = ["Trash", # never
  "Junk"]

# Long.
[retention]
keep_daily = 30
`},
		"rename": {
			func(text []byte) ([]byte, error) { return edit.Set(text, "accounts", 0, "name", "anne") },
			`# What I back up.
parallel_accounts = 2 # slow line

# The disk in the attic.
[[repositories]]
place = "/srv/mail"

# Mine.
[[accounts]]
name = "anne" # me
url = "imaps://anna@mail.example"
exclude = ["Trash", # never
  "Junk"]

# His.
# He knows.
[[accounts]]
url = 'imaps://jo@mail.example'

# Long.
[retention]
keep_daily = 30
`},
	} {
		got, err := c.change([]byte(owned))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	got, err := edit.Set([]byte(owned), "accounts", 1, "name", "jo")
	if err != nil || !reflect.DeepEqual(names(t, got), []any{"anna", "jo"}) {
		t.Errorf("a new key: %v\n%s", err, got)
	}
}

// A byte order mark and the line ends of Windows stay, and what is added has them too. A file in
// UTF-16 becomes UTF-8.
func TestEditorsOfWindows(t *testing.T) {
	table := edit.Table("[[accounts]]", edit.Pair{Key: "name", Value: "kim"})
	changes := map[string]func([]byte) ([]byte, error){
		"append": func(text []byte) ([]byte, error) { return edit.Append(text, "accounts", table) },
		"remove": func(text []byte) ([]byte, error) { return edit.Remove(text, "accounts", 0) },
		"set":    func(text []byte) ([]byte, error) { return edit.Set(text, "accounts", 1, "name", "joe") },
	}
	for name, change := range changes {
		want, err := change([]byte(owned))
		if err != nil {
			t.Fatal(err)
		}
		windows := "\ufeff" + strings.ReplaceAll(owned, "\n", "\r\n")
		got, err := change([]byte(windows))
		if err != nil || string(got) != "\ufeff"+strings.ReplaceAll(string(want), "\n", "\r\n") {
			t.Errorf("%s: %v\n%q", name, err, got)
		}
		wide := []byte{0xff, 0xfe}
		for _, unit := range utf16.Encode([]rune(owned)) {
			wide = append(wide, byte(unit), byte(unit>>8))
		}
		if got, err = change(wide); err != nil || string(got) != string(want) {
			t.Errorf("%s in UTF-16: %v\n%q", name, err, got)
		}
	}
}

func names(t testing.TB, text []byte) (names []any) {
	t.Helper()
	var values struct{ Accounts []map[string]any }
	if err := toml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	for _, a := range values.Accounts {
		names = append(names, a["name"])
	}
	return names
}

// What this package cannot change, it refuses to change.
func TestRefusal(t *testing.T) {
	inline := []byte(`accounts = [{name = "anna", url = "imaps://anna@mail.example"}]`)
	if _, err := edit.Remove(inline, "accounts", 0); !errors.Is(err, edit.ErrByHand) {
		t.Errorf("remove: %v", err)
	}
	if _, err := edit.Set(inline, "accounts", 0, "name", "jo"); !errors.Is(err, edit.ErrByHand) {
		t.Errorf("set: %v", err)
	}
	if text, err := edit.Append(inline, "accounts", edit.Table("[[accounts]]", edit.Pair{Key: "name", Value: "jo"})); err == nil {
		t.Errorf("append: %s", text)
	}
	if _, err := edit.Remove([]byte(owned), "accounts", 2); !errors.Is(err, edit.ErrByHand) {
		t.Errorf("a table that is not there: %v", err)
	}
	if _, err := edit.Append([]byte("[broken"), "accounts", "[[accounts]]\n"); err == nil {
		t.Error("a broken text is changed")
	}
}

// Any text either stays valid with exactly the change, or is refused. Append, then Remove of the
// last, gives the values from before.
func FuzzEdit(f *testing.F) {
	f.Add(owned, "anna")
	f.Add("[[accounts]]", "a\nb")
	f.Add("a = 1\r\n\r\n# mine\r\n[[accounts]]\r\nname = 'x'\r\n[b]\r\n", "jo")
	f.Add("a.b = 1\n[[x.accounts]]\n[[accounts]]\n\"na\\u006de\" = 'x'", `"`)
	f.Fuzz(func(t *testing.T, text, name string) {
		var before map[string]any
		if toml.Unmarshal([]byte(text), &before) != nil {
			return
		}
		added, err := edit.Append([]byte(text), "accounts", edit.Table("[[accounts]]", edit.Pair{Key: "name", Value: name}, edit.Pair{Key: "n", Value: 1}))
		if err != nil {
			return
		}
		var after struct{ Accounts []any }
		if err := toml.Unmarshal(added, &after); err != nil {
			t.Fatal(err)
		}
		removed, err := edit.Remove(added, "accounts", len(after.Accounts)-1)
		if err != nil {
			t.Fatalf("%v\n%s", err, added)
		}
		var again map[string]any
		if err := toml.Unmarshal(removed, &again); err != nil {
			t.Fatal(err)
		}
		if list, is := before["accounts"].([]any); is && len(list) == 0 {
			delete(before, "accounts")
		}
		if len(before)+len(again) > 0 && !reflect.DeepEqual(before, again) {
			t.Fatalf("%v became %v", before, again)
		}
	})
}
