import com.fasterxml.jackson.core.JsonFactory;
import com.yahoo.config.model.application.provider.FilesApplicationPackage;
import com.yahoo.document.DocumentPut;
import com.yahoo.document.DocumentTypeManager;
import com.yahoo.document.config.DocumentmanagerConfig;
import com.yahoo.document.json.JsonReader;
import com.yahoo.vespa.model.VespaModel;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** Builds Vespa's own model of an application package, and parses a feed with its own parser: VespaCheck APPLICATION FEED. */
public class VespaCheck {
  public static void main(String[] arguments) throws Exception {
    VespaModel model = new VespaModel(FilesApplicationPackage.fromDir(new File(arguments[0]), Map.of()));
    DocumentmanagerConfig.Builder builder = new DocumentmanagerConfig.Builder();
    model.getConfig(builder, "client");
    DocumentTypeManager types = new DocumentTypeManager(builder.build());
    int documents = 0;
    for (String line : Files.readAllLines(Path.of(arguments[1]))) {
      JsonReader reader = new JsonReader(types, new ByteArrayInputStream(("[" + line + "]").getBytes("UTF-8")), new JsonFactory());
      DocumentPut put = (DocumentPut) reader.next();
      if (put.getDocument().getFieldValue("vector") == null) throw new IllegalStateException(line);
      documents++;
    }
    System.out.println(documents + " documents of " + types.getDocumentType("item"));
    System.exit(0);
  }
}
