//go:build !(cuda && cgo && linux)

package cuda

import (
	"reflect"
	"testing"
)

func TestStubFindsNothing(t *testing.T) {
	want := Report{
		Reason: "the GPU backend is not in this program: built without the tag cuda: make gpu",
		Cure: "build with `make gpu` (Linux, a C compiler); backend=emu returns the hardware's bits on the CPU, " +
			"backend=ref the dequantized reference",
	}
	if got := Status(); !reflect.DeepEqual(got, want) {
		t.Errorf("Status() = %+v\nwant %+v", got, want)
	}
}
