// Tokenizes captions with the reference's tokenizer, each by itself, in one process: a base64 caption a line in, its tokens out.
// Each caption is followed by a line's end, as every caption but the last is when pycocoevalcap writes them all to one file, and by
// no other caption, whose first word would change its tokens. Run by make.py.
import edu.stanford.nlp.ling.CoreLabel;
import edu.stanford.nlp.process.CoreLabelTokenFactory;
import edu.stanford.nlp.process.PTBTokenizer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Locale;

public class OneByOne {
    public static void main(String[] arguments) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        PrintStream out = new PrintStream(System.out, false, "US-ASCII");
        for (String line; (line = in.readLine()) != null; ) {
            String caption = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8) + "\n";
            PTBTokenizer<CoreLabel> tokenizer =
                new PTBTokenizer<CoreLabel>(new StringReader(caption), new CoreLabelTokenFactory(), "tokenizeNLs=true");
            StringBuilder tokens = new StringBuilder();
            while (tokenizer.hasNext()) {
                String token = tokenizer.next().word();
                if (token.equals(PTBTokenizer.getNewlineToken())) break;
                tokens.append(tokens.length() > 0 ? " " : "").append(token.toLowerCase(Locale.ROOT));
            }
            out.println(Base64.getEncoder().encodeToString(tokens.toString().getBytes(StandardCharsets.UTF_8)));
        }
        out.flush();
    }
}
