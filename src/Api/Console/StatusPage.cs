namespace Recsys.Api;

/// <summary>The page at <c>/</c>: every experiment, refreshed each second. One file, nothing loaded from elsewhere.</summary>
public static class StatusPage
{
    private const string Html = """
        <!doctype html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Recsys</title>
        <style>
          body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1b1f24; background: #fff }
          table { border-collapse: collapse; width: 100% }
          th, td { text-align: left; padding: .4rem .8rem; border-bottom: 1px solid #d8dee4 }
          td.n { text-align: right; font-variant-numeric: tabular-nums }
          .bad { color: #b42318 }
          @media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 } th, td { border-color: #30363d } a { color: #79b8ff } }
        </style>
        <h1>Recsys</h1>
        <p id="state">Loading…</p>
        <table>
          <thead><tr><th>Experiment<th>Policy<th>Mode<th>Interactions learned<th>Parameter age<th>Items</tr></thead>
          <tbody id="rows"></tbody>
        </table>
        <p><a href="/docs">API</a> · <a href="/metrics">Metrics</a> · <a href="/health/ready">Health</a></p>
        <script>
          async function refresh() {
            const state = document.getElementById('state');
            try {
              const answer = await fetch('/v1/experiments');
              const body = await answer.json();
              if (!answer.ok) throw new Error(body.detail);
              document.getElementById('rows').replaceChildren(...body.experiments.map(e => {
                const row = document.createElement('tr');
                for (const [text, number] of [[e.experiment], [e.policy], [e.mode], [e.interactions.toLocaleString('en'), 1],
                  [e.parameterAgeSeconds.toFixed(2) + ' s', 1], [e.actions.toLocaleString('en'), 1]]) {
                  const cell = row.insertCell();
                  cell.textContent = text;
                  if (number) cell.className = 'n';
                }
                return row;
              }));
              state.className = '';
              state.textContent = body.experiments.length + ' experiments, live';
            } catch (problem) {
              state.className = 'bad';
              state.textContent = 'Not reachable: ' + problem.message;
            }
            setTimeout(refresh, 1000);
          }
          refresh();
        </script>
        </html>
        """;

    /// <summary>Maps it.</summary>
    public static void MapStatusPage(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/", static () => Results.Content(Html, "text/html; charset=utf-8")).ExcludeFromDescription();
}
