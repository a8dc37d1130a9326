using Recsys.Bandits.Snapshots;
namespace Recsys.Bandits.Policies.Neural;
internal sealed class DriftSignal
{
    public long Since { get; private set; }
    public bool Observe(double loss) { Since++; return false; }
    public void Write(StateWriter w) => w.Write(Since);
    public void Read(ref StateReader r) => Since = r.Long();
}
