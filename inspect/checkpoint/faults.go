package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"fp4tui/inspect"
)

// maxFaults bounds the faults listed for one file, so that a hostile header cannot
// turn 100 MB of text into gigabytes of complaints. The rest is counted.
const maxFaults = 1000

// maxViolations is where the scan of a header stops: it is noise, not a header.
const maxViolations = 100 * maxFaults

// faultList collects the faults of one file.
type faultList struct {
	file  string // for faults that name no other
	list  []inspect.Fault
	extra int // beyond maxFaults
}

func (l *faultList) add(f inspect.Fault) {
	if len(l.list) >= maxFaults {
		l.extra++
		return
	}
	if f.File == "" {
		f.File = l.file
	}
	l.list = append(l.list, f)
}

// count is the number of faults so far, listed or not.
func (l *faultList) count() int { return len(l.list) + l.extra }

// sorted returns the faults in offset order, with a last line for those not listed.
func (l *faultList) sorted() []inspect.Fault {
	slices.SortStableFunc(l.list, func(a, b inspect.Fault) int {
		switch {
		case a.Offset < b.Offset:
			return -1
		case a.Offset > b.Offset:
			return 1
		}
		return 0
	})
	if l.extra > 0 {
		l.list = append(l.list, inspect.Fault{
			Class: inspect.ErrMalformed, File: l.file, Offset: -1,
			What: grouped(int64(l.extra)) + " further violations",
			Why:  "only the first " + grouped(maxFaults) + " of a file are listed",
		})
		l.extra = 0
	}
	return l.list
}

// grouped writes 306304 as "306,304".
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes a range of offsets as "0x2c80 to 0x4ac80".
func span(begin, end int64) string { return fmt.Sprintf("%#x to %#x", begin, end) }

// systemFault turns an error of the operating system into a fault.
func systemFault(path, what string, err error) *inspect.Fault {
	f := &inspect.Fault{Class: inspect.ErrUnreadable, File: path, Offset: -1, What: what, Why: err.Error()}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		f.Why = pathError.Err.Error()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Class, f.Cure = inspect.ErrMissing, "check the path"
	case errors.Is(err, fs.ErrPermission):
		f.Cure = "give yourself read permission on it"
	}
	return f
}

// kinds names what a path can be instead of a regular file.
var kinds = [...]struct {
	mode fs.FileMode
	name string
}{
	{fs.ModeDir, "a directory"},
	{fs.ModeNamedPipe, "a named pipe"},
	{fs.ModeSocket, "a socket"},
	{fs.ModeCharDevice, "a character device"},
	{fs.ModeDevice, "a block device"},
}

// notRegular is the fault of a path that is no regular file. Such a path is never
// opened: opening a pipe or a device can block for ever or have effects.
func notRegular(path string, mode fs.FileMode) *inspect.Fault {
	name := "a special file"
	for _, k := range kinds {
		if mode&k.mode != 0 {
			name = k.name
			break
		}
	}
	return &inspect.Fault{
		Class: inspect.ErrUnsupported, File: path, Offset: -1,
		What: "not a regular file", Why: "it is " + name,
		Cure: "give a .safetensors file, a directory of them, or a hub id; copy streamed data to a file first",
	}
}
