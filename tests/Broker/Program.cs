using System.Globalization;
using Recsys.TestKit;

// A Kafka-protocol broker for trying the distributed mode where no Kafka is at hand. It keeps the last 5 MiB of each partition in memory and
// forgets everything when it stops: never for anything that matters.
using var broker = new MockKafka(brokers: 1);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"bootstrap {broker.Bootstrap}"));
using var stopped = new ManualResetEventSlim();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; stopped.Set(); };
AppDomain.CurrentDomain.ProcessExit += (_, _) => stopped.Set();
stopped.Wait();
