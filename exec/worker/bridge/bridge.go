// Package bridge holds the script that lets a Python environment compute: PyTorch, and
// the kernels of serving engines, behind the protocol of package worker.
package bridge

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

//go:embed engines.py
var engines string

//go:embed bridge.py
var serving string

// script is what an interpreter runs.
var script = engines + "\n" + serving

// Engine is a row of the script's table: one way to compute a product.
type Engine struct {
	Name    string   `json:"name"`    // as it stands after backend=
	Package string   `json:"package"` // what is imported
	Pip     string   `json:"pip"`     // what is installed
	Arch    []int    `json:"arch"`    // major compute capabilities; none: any device, and the CPU
	Modes   []string `json:"modes"`
	Foreign bool     `json:"foreign"` // other arithmetic than a tensor core's on these operands
	Buffers []string `json:"buffers"` // kernels, by their names after for=, whose prepared weights its kernel reads as they are
	Ran     string   `json:"ran"`     // where the authors ran it; "": nowhere
	Doc     string   `json:"doc"`
}

// NeverRun is what is said of a row that the authors had no device for.
const NeverRun = "never run by the authors"

// Engines is the table, read out of the script. It panics when the script has none.
func Engines() []Engine {
	const begin, end = `TABLE = json.loads(r"""`, `""")`
	_, text, found := strings.Cut(script, begin)
	text, _, closed := strings.Cut(text, end)
	var list []Engine
	if err := json.Unmarshal([]byte(text), &list); err != nil || !found || !closed {
		panic(fmt.Sprintf("bridge: the table of the script: %v", err))
	}
	return list
}

// Command starts the script with an interpreter, as worker.Client wants it.
func Command(python string) func() *exec.Cmd {
	return func() *exec.Cmd { return exec.Command(python, "-c", script) }
}
