package samples

import (
	"io/fs"
	"os"
	"strings"
	"testing"
)

// The samples are in every binary and every clone: they stay small, and all of
// them but scripts and sources are embedded as they lie on disk.
func TestFS(t *testing.T) {
	const mostAll, mostBroken = 6_000_000, 20_000
	var total int64
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		if strings.HasPrefix(path, "broken/") && info.Size() >= mostBroken {
			t.Errorf("%s has %d bytes, the limit is %d", path, info.Size(), mostBroken)
		}
		if strings.HasSuffix(path, ".py") || strings.HasSuffix(path, ".go") || strings.HasPrefix(path, "notebooks") {
			return nil
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		got, err := FS.ReadFile(path)
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not embedded as it is: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if total >= mostAll {
		t.Errorf("%d bytes, the limit is %d", total, mostAll)
	}
}
