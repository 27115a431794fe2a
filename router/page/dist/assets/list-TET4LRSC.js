import{p as a,q as b}from"./chunk-ILYWYTX5.js";import"./chunk-PXF7LRLY.js";import"./chunk-QSVTETRH.js";export{b as ConversationList,a as ListOfLinks};
